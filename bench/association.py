"""Evaluates the association of alerts on archive triggers and writes `docs/association.md`.

Pairs of missions are merged by the shipped parameters. What chance alone would merge is counted by
shifting one mission's triggers in time by hours, many times over (positions kept), which keeps
rates, clustering and the gaps of the archive.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from protocols.notice_values import instant, number, position
from pyros.domain.alert.association import AssociationParameters, Trigger, odds
from pyros.domain.alert.localisation import Place, separation_deg
from pyros.domain.alert.stream import PACKET_TYPES

ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "tests" / "data" / "alerts" / "triggers_2014-2019.csv.gz"
# Best localisation last, by mission; only types with a position of the burst.
RANKS = {
    97: 1,
    61: 2,
    67: 3,
    81: 4,
    111: 1,
    112: 2,
    115: 3,
    120: 4,
    121: 5,
    127: 6,
    128: 7,
    53: 1,
    54: 2,
    55: 3,
}
BASIC = {"swift-xrt": "swift-bat", "swift-uvot": "swift-bat", "integral-spiacs": "integral-spiacs"}
SHIFTS_H = [sign * hours for hours in range(2, 102) for sign in (1, -1)]


@dataclass(frozen=True)
class Pair:
    """Two triggers that were merged."""

    first: Trigger
    second: Trigger
    ln_odds: float
    dt_s: float


def load(path: Path) -> dict[str, list[Trigger]]:
    """Triggers by instrument, each with its first T0 and its best localisation."""
    parameters = AssociationParameters()
    found: dict[tuple[str, str], tuple[Trigger, int]] = {}
    with gzip.open(path, "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            known = PACKET_TYPES.get(int(number(row["packet_type"]) or 0))
            t0_utc = instant(row["iso_time"])
            if known is None or t0_utc is None or row["role"] != "observation":
                continue
            instrument = BASIC.get(known.stream, known.stream)
            event_id = row["trigger_id"]
            if instrument == "integral" and event_id.isdigit():
                event_id = str(int(event_id) % 65_536)
            if event_id in {"", "-1", "0"}:
                event_id = row["iso_time"]
            rank = RANKS.get(int(row["packet_type"]), 0)
            where = position(row["ra"], row["dec"], row["error2radius"])
            place = None
            if rank and where.ra_deg is not None and where.dec_deg is not None and where.error_deg:
                containment = known.containment or 0.9
                scale = (-2.0 * _ln(1.0 - containment)) ** 0.5
                place = Place(
                    ra_deg=where.ra_deg,
                    dec_deg=where.dec_deg,
                    sigma_deg=where.error_deg / scale,
                    calibration=parameters.calibration.of(known.stream),
                )
            key = (instrument, event_id)
            earlier = found.get(key)
            trigger = Trigger(
                mission=instrument,
                event_id=event_id,
                classification="GRB",
                t0_utc=t0_utc if earlier is None else earlier[0].t0_utc,
                place=place,
            )
            if earlier is None:
                found[key] = (trigger, rank if place else 0)
            elif place is not None and rank >= earlier[1]:
                found[key] = (trigger, rank)
    by_instrument: dict[str, list[Trigger]] = defaultdict(list)
    for trigger, _ in found.values():
        by_instrument[trigger.mission].append(trigger)
    return {name: sorted(rows, key=lambda t: t.t0_utc) for name, rows in by_instrument.items()}


def _ln(value: float) -> float:
    from math import log  # noqa: PLC0415 - one use

    return log(value)


def live_days(triggers: dict[str, list[Trigger]]) -> float:
    """Days of the archive on which any instrument triggered: it has gaps of months."""
    return float(len({t.t0_utc.date() for rows in triggers.values() for t in rows}))


def merge(
    first: list[Trigger], second: list[Trigger], rate_per_day: float, shift: timedelta
) -> list[Pair]:
    """One-to-one merges of two instruments' triggers, best odds first."""
    parameters = AssociationParameters()
    window = timedelta(seconds=parameters.window_s)
    candidates: list[Pair] = []
    start = 0
    for one in first:
        moved = replace(one, t0_utc=one.t0_utc + shift)
        while start < len(second) and second[start].t0_utc < moved.t0_utc - window:
            start += 1
        for other in second[start:]:
            if other.t0_utc > moved.t0_utc + window:
                break
            result = odds(moved, other, rate_per_day=rate_per_day, parameters=parameters)
            if result is not None and result.ln_odds > parameters.merge_ln_odds:
                candidates.append(Pair(one, other, result.ln_odds, result.dt_s))
    taken: set[tuple[str, str]] = set()
    merged: list[Pair] = []
    for pair in sorted(candidates, key=lambda p: -p.ln_odds):
        keys = {
            (pair.first.mission, pair.first.event_id),
            (pair.second.mission, pair.second.event_id),
        }
        if not keys & taken:
            taken |= keys
            merged.append(pair)
    return merged


def evaluate(
    triggers: dict[str, list[Trigger]], first: str, second: str
) -> tuple[list[Pair], float]:
    """Merges of two instruments, and how many chance would make."""
    rows1 = sorted(triggers.get(first, []), key=lambda t: t.t0_utc)
    rows2 = triggers.get(second, [])
    rate = max(len(rows1), len(rows2), 1) / live_days(triggers)
    merged = merge(rows1, rows2, rate, timedelta(0))
    chance = sum(len(merge(rows1, rows2, rate, timedelta(hours=h))) for h in SHIFTS_H)
    return merged, chance / len(SHIFTS_H)


def table(path: Path) -> tuple[str, list[dict[str, object]]]:
    """The report in Markdown and the figures."""
    triggers = load(path)
    figures: list[dict[str, object]] = []
    lines = [
        "| pair | triggers | merged | by chance | median \\|dt\\| s | largest separation deg |",
        "|---|---|---|---|---|---|",
    ]
    pairs = [
        ("swift-bat", "fermi-gbm"),
        ("swift-bat", "integral"),
        ("swift-bat", "konus"),
        ("fermi-gbm", "konus"),
        ("fermi-gbm", "integral"),
        ("fermi-gbm", "integral-spiacs"),
    ]
    detail = ""
    for first, second in pairs:
        if first not in triggers or second not in triggers:
            continue
        merged, chance = evaluate(triggers, first, second)
        dts = sorted(abs(pair.dt_s) for pair in merged)
        apart = [a for pair in merged if (a := _apart(pair)) is not None]
        lines.append(
            f"| {first} - {second} | {len(triggers[first])} x {len(triggers[second])} "
            f"| {len(merged)} "
            f"| {chance:.2f} | {dts[len(dts) // 2] if dts else 0:.1f} | "
            f"{max(apart) if apart else float('nan'):.1f} |"
        )
        figures.append(
            {
                "figure": f"{first}-{second} merges",
                "value": len(merged),
                "unit": "pairs",
                "chance": round(chance, 3),
            }
        )
        if (first, second) == ("swift-bat", "fermi-gbm"):
            detail = _detail(merged)
    days = f"{live_days(triggers):.0f} days with triggers, {len(SHIFTS_H)} time shifts"
    head = f"Archive `{path.name}`, {days}.\n\n"
    return head + "\n".join(lines) + "\n\n" + detail, figures


def _apart(pair: Pair) -> float | None:
    if pair.first.place is None or pair.second.place is None:
        return None
    a, b = pair.first.place, pair.second.place
    return separation_deg(a.ra_deg, a.dec_deg, b.ra_deg, b.dec_deg)


def _detail(merged: list[Pair]) -> str:
    rows = [
        "Swift BAT - Fermi GBM, each merge:",
        "",
        "| BAT | GBM | T0 (BAT) | dt s | apart deg | ln odds |",
        "|---|---|---|---|---|---|",
    ]
    for pair in sorted(merged, key=lambda p: p.first.t0_utc):
        apart = _apart(pair)
        rows.append(
            f"| {pair.first.event_id} | {pair.second.event_id} | {_short(pair.first.t0_utc)} | "
            f"{pair.dt_s:+.1f} | {'-' if apart is None else f'{apart:.1f}'} | {pair.ln_odds:.1f} |"
        )
    return "\n".join(rows) + "\n"


def _short(time_utc: datetime) -> str:
    return time_utc.strftime("%Y-%m-%d %H:%M:%S")


def main() -> None:
    """Print one JSON line for each figure; with --write, the report too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="*", type=Path, default=[ARCHIVE])
    parser.add_argument("--write", type=Path, help="write the report to this file")
    arguments = parser.parse_args()
    reports = []
    for path in arguments.archives:
        report, figures = table(path)
        reports.append(report)
        for figure in figures:
            print(json.dumps({**figure, "archive": path.name}))
    if arguments.write:
        arguments.write.write_text(INTRO + "\n\n".join(reports))


INTRO = """# How well alerts of several missions are joined

Written by `python bench/association.py --write docs/association.md`; the method is in that file
and in `pyros/domain/alert/association.py`, the parameters in `config/alerts.toml`. The parameters
were chosen by the authors of the reference on this archive, so these figures are in-sample.

Here each burst has its final position. With only what had arrived at each moment
(`python bench/association_online.py`: every notice through the alert book in order of arrival,
events merging late when a position tells) the same archive gives 32 Swift-Fermi merges with 0.4
by chance.

"""

if __name__ == "__main__":
    main()
