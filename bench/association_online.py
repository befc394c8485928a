"""Evaluates association as it happens: archive notices through the book, in order of arrival.

`association.py` knows each burst's final position; this one knows only what had arrived, merges
late when a position tells, and uses rates counted on the way. Chance: Swift's notices shifted.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from protocols.alert_rules import load_rules
from protocols.notice_values import instant, number, position
from pyros.domain.alert.association import thread_of
from pyros.domain.alert.book import AlertBook, receive
from pyros.domain.alert.event import EventState
from pyros.domain.alert.notice import Citation, Notice
from pyros.domain.alert.stream import PACKET_TYPES

ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "tests" / "data" / "alerts" / "triggers_2014-2019.csv.gz"
SHIFTS_H = (3, -3, 7, -7, 13, -13, 19, -19, 29, -29)


def notices(path: Path) -> list[Notice]:
    """The archive's rows as notices, in order of arrival."""
    found: list[Notice] = []
    with gzip.open(path, "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            number_of_type = int(number(row["packet_type"]) or 0)
            known = PACKET_TYPES.get(number_of_type)
            t0_utc, written_utc = instant(row["iso_time"]), instant(row["who_date"])
            if known is None or t0_utc is None or written_utc is None:
                continue
            where = position(row["ra"], row["dec"], row["error2radius"])
            cites = [part.partition("=") for part in row["citations"].split(";") if "=" in part]
            event_id = row["trigger_id"]
            found.append(
                Notice(
                    notice_id=row["ivorn"],
                    ivorn=row["ivorn"],
                    authority=row["ivorn"].removeprefix("ivo://").partition("#")[0].lower(),
                    format="voevent-2.0",
                    stream=known.stream,
                    packet_type=number_of_type,
                    packet_name=known.name,
                    mission=known.mission,
                    event_id=event_id if event_id not in {"", "-1", "0"} else None,
                    role=row["role"],
                    test=False,
                    retraction=number_of_type == 164,
                    t0_utc=t0_utc,
                    notice_utc=written_utc,
                    received_utc=written_utc,
                    source="file",
                    content_sha256=row["ivorn"],
                    ra_deg=where.ra_deg,
                    dec_deg=where.dec_deg,
                    error_deg=where.error_deg,
                    containment=known.containment,
                    classification=known.classification or "GRB",
                    cites=tuple(Citation(ivorn=ivorn, kind=kind) for kind, _, ivorn in cites),
                )
            )
    return sorted(found, key=lambda notice: notice.received_utc)


def joint(stream: list[Notice]) -> int:
    """How many events Swift and Fermi share after all notices have been taken in."""
    rules, book = load_rules(), AlertBook()
    pairs: set[tuple[str, str]] = set()
    for notice in stream:
        book, outcome = receive(book, notice, notice.received_utc, rules)
        event = book.event(outcome.key) if outcome.key else None
        if event is None or event.state is EventState.MERGED:
            continue
        threads = dict(t for n in event.notices if (t := thread_of(n)) is not None)
        if {"Swift", "Fermi"} <= set(threads):
            pairs.add((threads["Swift"], threads["Fermi"]))
    return len(pairs)


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="*", type=Path, default=[ARCHIVE])
    for path in parser.parse_args().archives:
        stream = notices(path)
        chance = 0
        for hours in SHIFTS_H:
            shift = timedelta(hours=hours)
            moved = [
                replace(
                    notice,
                    t0_utc=notice.t0_utc + shift,
                    notice_utc=notice.received_utc + shift,
                    received_utc=notice.received_utc + shift,
                )
                if notice.mission == "Swift" and notice.t0_utc is not None
                else notice
                for notice in stream
            ]
            chance += joint(sorted(moved, key=lambda notice: notice.received_utc))
        figure = {
            "figure": "swift-fermi merges as notices arrive",
            "value": joint(stream),
            "unit": "pairs",
            "chance": chance / len(SHIFTS_H),
            "archive": path.name,
        }
        print(json.dumps(figure))


if __name__ == "__main__":
    main()
