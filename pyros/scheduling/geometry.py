"""Altitude and set-up as numbers: how good a start is, and how long it takes to get there."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pyros.scheduling.instance import MAX_NIGHT_S, Instance, Sequence, Telescope

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIDEREAL_DEG_PER_S = 360.98564736629 / 86400
SIDEREAL_RAD_PER_S = math.radians(SIDEREAL_DEG_PER_S)
SIDEREAL_DAY_S = 360.0 / SIDEREAL_DEG_PER_S
QUALITY_STEP_S = 10
"""The best altitude over a sequence's windows is taken on this grid of starts."""


@lru_cache(maxsize=1)
def turn_tables() -> tuple[Floats, Floats]:
    """Cosine and sine of the Earth's turn for every second of a day."""
    angle = SIDEREAL_RAD_PER_S * np.arange(MAX_NIGHT_S + 1)
    return np.cos(angle), np.sin(angle)


@lru_cache(maxsize=1)
def turn_lists() -> tuple[list[float], list[float]]:
    """The same as lists."""
    cosine, sine = turn_tables()
    return cosine.tolist(), sine.tolist()


def quality_terms(
    instance: Instance, owner: Ints, starts: Floats, ends: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Per sequence (q0, qc, qs, culminating start): quality = q0 + qc cos(wt) + qs sin(wt).

    Quality is sin(altitude at mid-exposure) over the best of it among all starts that the windows
    allow, on a 10 s grid, before any closure is cut out of them.

    Args:
        instance: Night and sequences.
        owner: Sequence index of each window, shape (n_windows,).
        starts: Start of each window.
        ends: End of each window.
    """
    night, sequences = instance.night, instance.sequences
    duration = np.array([s.duration_s for s in sequences], dtype=float)
    ra = np.radians(np.array([s.ra_deg for s in sequences], dtype=float))
    dec = np.radians(np.array([s.dec_deg for s in sequences], dtype=float))
    phi = math.radians(night.latitude_deg)
    level, swing = np.sin(phi) * np.sin(dec), np.cos(phi) * np.cos(dec)
    phase = math.radians(night.lst_at_start_deg) - ra + SIDEREAL_RAD_PER_S * duration / 2.0
    culmination = (-phase / SIDEREAL_RAD_PER_S) % SIDEREAL_DAY_S
    best = np.full(len(sequences), -2.0)
    middle = np.full(len(sequences), night.duration_s / 2.0)
    first = np.trunc(starts)
    steps = (np.trunc(ends - duration[owner]) - first) // QUALITY_STEP_S
    usable = steps >= 0
    owner, first, steps = owner[usable], first[usable], steps[usable]
    for turn in (-1.0, 0.0, 1.0):
        top = (culmination[owner] + turn * SIDEREAL_DAY_S - first) // QUALITY_STEP_S
        for step in (np.zeros_like(steps), steps) if turn == -1.0 else (top, top + 1.0):
            at = first + QUALITY_STEP_S * np.clip(step, 0.0, steps)
            sine = level[owner] + swing[owner] * np.cos(phase[owner] + SIDEREAL_RAD_PER_S * at)
            np.maximum.at(best, owner, sine)
    order = np.argsort(steps, kind="stable")
    middle[owner[order]] = first[order] + steps[order] * QUALITY_STEP_S / 2.0
    best = np.where(best == -2.0, 1.0, np.where(np.abs(best) < 1e-12, 1e-12, best))
    culmination += SIDEREAL_DAY_S * np.round((middle - culmination) / SIDEREAL_DAY_S)
    return level / best, swing * np.cos(phase) / best, -swing * np.sin(phase) / best, culmination


def setup_seconds(sequences: tuple[Sequence, ...], telescope: Telescope) -> Ints:
    """Set-up in whole seconds from each sequence to each other, flattened (n * n).

    Slews are rounded up with a margin of 2 microseconds, against the last bit of an arc cosine.
    """
    ra = np.radians(np.array([s.ra_deg for s in sequences], dtype=float))
    dec = np.radians(np.array([s.dec_deg for s in sequences], dtype=float))
    names = {name: i for i, name in enumerate(dict.fromkeys(s.filter for s in sequences))}
    filters = np.array([names[s.filter] for s in sequences], dtype=np.int64)
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    slew = np.einsum("ik,jk->ij", vectors, vectors)
    np.clip(slew, -1.0, 1.0, out=slew)
    np.arccos(slew, out=slew)
    slew *= math.degrees(1.0) / telescope.slew_rate_deg_s
    slew += telescope.settle_s + 2e-6
    np.ceil(slew, out=slew)
    change = math.ceil(telescope.filter_change_s - 1e-9)
    np.maximum(slew, change, out=slew, where=filters[:, None] != filters[None, :])
    return np.asarray(slew.astype(np.int64).ravel())
