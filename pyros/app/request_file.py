"""Reads programmes and requests from a TOML file into the domain's types.

The file is checked as a whole: ids twice, unknown programmes, channels and filters, impossible
positions and times are all named, one line each, before anything is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

from pyros.app.toml_file import load_toml
from pyros.domain.album_entry import AlbumEntry, albums_of
from pyros.domain.programme import Grade, ScientificProgramme, priority
from pyros.domain.request import Request, RequestKind, RequestStrategy
from pyros.domain.sequence import Sequence
from pyros.domain.target import J2000_JYEAR, Target
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ProgrammeEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[programme]]`."""

    id: str
    name: str
    grade: Grade
    night_share: float = 1.0
    """Share of the usable dark time of one night, 0..1."""
    semester_quota_s: float
    """Seconds granted this semester."""
    semester_from: date | None = None
    """First night of the semester; what was done before is not counted."""


class TargetEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`target = {...}` in ICRS degrees at an epoch; proper motion in mas per year."""

    name: str
    ra_deg: float
    dec_deg: float
    pm_ra_mas_yr: float = 0.0
    pm_dec_mas_yr: float = 0.0
    epoch_jyear: float = J2000_JYEAR


class SequenceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[request.sequence]]`."""

    id: str
    name: str
    target: TargetEntry
    albums: tuple[AlbumEntry, ...]
    priority_delta: int = 0
    min_altitude_deg: float = 25.0
    min_moon_separation_deg: float = 30.0
    earliest_utc: datetime | None = None
    latest_utc: datetime | None = None
    mandatory: bool = False
    carry_over: bool = False


class RequestEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[request]]`."""

    id: str
    programme: str
    name: str
    strategy: RequestStrategy = RequestStrategy.BEST_EFFORT
    telescope: str | None = None
    """The telescope it wants; the first that has its channels when left out."""
    every_night: bool = False
    """Ask for it anew every night (monitoring); its ids get the night appended."""
    sequence: tuple[SequenceEntry, ...]


class RequestFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    programme: tuple[ProgrammeEntry, ...] = ()
    request: tuple[RequestEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a file asks for: programmes, requests to be done once, templates for every night."""

    programmes: tuple[ScientificProgramme, ...]
    once: tuple[Request, ...]
    nightly: tuple[Request, ...]


def load_requests(path: Path, *, filters_by_channel: Mapping[str, tuple[str, ...]]) -> Demands:
    """Programmes and requests of a file.

    Args:
        path: The TOML file.
        filters_by_channel: Filters that each channel of the site has.

    Raises:
        ConfigurationError: All faults of the file, one line each.
    """
    file = load_toml(path, RequestFile)
    programmes = tuple(
        ScientificProgramme(
            programme_id=entry.id,
            name=entry.name,
            grade=entry.grade,
            night_share=entry.night_share,
            semester_quota_s=entry.semester_quota_s,
            semester_from=entry.semester_from.isoformat() if entry.semester_from else None,
        )
        for entry in file.programme
    )
    faults = _faults(file, filters_by_channel)
    if faults:
        raise ConfigurationError("\n".join(f"{path}: {fault}" for fault in faults))
    return Demands(
        programmes=programmes,
        once=tuple(_request(entry) for entry in file.request if not entry.every_night),
        nightly=tuple(_request(entry) for entry in file.request if entry.every_night),
    )


def _faults(file: RequestFile, filters_by_channel: Mapping[str, tuple[str, ...]]) -> list[str]:
    faults: list[str] = []
    known = {entry.id: entry for entry in file.programme}
    seen: set[str] = set()
    for programme in file.programme:
        if not 0.0 <= programme.night_share <= 1.0:
            faults.append(
                f"programme {programme.id}: night_share = {programme.night_share} is outside 0..1"
            )
        if programme.semester_quota_s < 0:
            faults.append(
                f"programme {programme.id}: semester_quota_s = {programme.semester_quota_s} "
                "is negative; give the seconds granted"
            )
    for request in file.request:
        if request.programme not in known:
            faults.append(
                f"request {request.id}: programme {request.programme!r} is unknown; "
                f"known: {', '.join(known) or 'none'}"
            )
        for identity in (request.id, *(sequence.id for sequence in request.sequence)):
            if identity in seen:
                faults.append(f"id {identity!r} is used twice; ids are unique")
            seen.add(identity)
        for sequence in request.sequence:
            faults += _sequence_faults(sequence, filters_by_channel)
    return faults


def _sequence_faults(
    entry: SequenceEntry, filters_by_channel: Mapping[str, tuple[str, ...]]
) -> list[str]:
    faults: list[str] = []
    where = f"sequence {entry.id}"
    try:
        _target(entry.target)
        priority(Grade.A, entry.priority_delta)
    except ValueError as error:
        faults.append(f"{where}: {error}")
    if not entry.albums:
        faults.append(f"{where}: no albums; give at least one channel with plans")
    for album in entry.albums:
        filters = filters_by_channel.get(album.channel)
        if filters is None:
            faults.append(
                f"{where}: channel {album.channel!r} is unknown; "
                f"known: {', '.join(filters_by_channel)}"
            )
        for plan in album.plans:
            if filters is not None and plan.filter not in filters:
                faults.append(
                    f"{where}: filter {plan.filter!r} is not in {album.channel}; "
                    f"it has {', '.join(filters)}"
                )
            if not plan.exposure_s > 0 or plan.count < 1:
                faults.append(
                    f"{where}: exposure_s = {plan.exposure_s}, count = {plan.count}; "
                    "both must be above 0"
                )
    return faults


def _target(entry: TargetEntry) -> Target:
    return Target(
        name=entry.name,
        ra_deg=entry.ra_deg,
        dec_deg=entry.dec_deg,
        pm_ra_mas_yr=entry.pm_ra_mas_yr,
        pm_dec_mas_yr=entry.pm_dec_mas_yr,
        epoch_jyear=entry.epoch_jyear,
    )


def _utc(time: datetime | None) -> datetime | None:
    """TOML times without a zone are UTC."""
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _request(entry: RequestEntry) -> Request:
    return Request(
        request_id=entry.id,
        programme_id=entry.programme,
        kind=RequestKind.ROUTINE,
        name=entry.name,
        strategy=entry.strategy,
        telescope=entry.telescope,
        sequences=tuple(_sequence(entry, sequence) for sequence in entry.sequence),
    )


def _sequence(request: RequestEntry, entry: SequenceEntry) -> Sequence:
    return Sequence(
        sequence_id=entry.id,
        request_id=request.id,
        programme_id=request.programme,
        name=entry.name,
        target=_target(entry.target),
        albums=albums_of(entry.albums),
        priority_delta=entry.priority_delta,
        min_altitude_deg=entry.min_altitude_deg,
        min_moon_separation_deg=entry.min_moon_separation_deg,
        earliest_utc=_utc(entry.earliest_utc),
        latest_utc=_utc(entry.latest_utc),
        mandatory=entry.mandatory,
        carry_over=entry.carry_over,
    )
