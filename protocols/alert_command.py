"""`pyros alert`: parse packets, replay a recorded day through the rules (`send`: alert_send.py).

The functions are the command's whole logic; the command line of the application calls `add_parser`
and `run`. What the sky allows comes in as a function, so that a replay knows the site's night.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.alert_rules import load_rules
from protocols.alert_send import add_send_parser, send_packet
from protocols.alert_visibility import visibility
from protocols.notice_parser import MAX_JSON_BYTES, parse_notice
from pyros.clock import datetime_from_unix
from pyros.domain.alert.book import Action, AlertBook, receive
from pyros.domain.alert.gate import GatePolicy, actionable
from pyros.domain.alert.notice import NoticeError
from pyros.errors import ConfigurationError
from pyros.sky.site import Site

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from pyros.domain.alert.gate import Observability, Reason
    from pyros.domain.alert.notice import Notice
    from pyros.domain.alert.settings import Alerts

    Sky = Callable[[Notice, datetime], Observability]

_ORDER = re.compile(r"\d{5}_")
_QUIET = frozenset({Action.NONE, Action.DUPLICATE})


def add_parser(subparsers: Any) -> None:
    """Add `alert` with its sub-commands to a command line.

    Args:
        subparsers: What `argparse.ArgumentParser.add_subparsers` returned.
    """
    alert = subparsers.add_parser("alert", help="parse, replay and send alerts")
    inner = alert.add_subparsers(dest="alert_command", required=True)
    parse = inner.add_parser("parse", help="read packets of any format and say what they are")
    parse.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parse.add_argument("--json", action="store_true", help="one JSON line for each file")
    parse.add_argument(
        "--rules", type=Path, help="alerts.toml to judge by (default: the shipped one)"
    )
    replay = inner.add_parser("replay", help="run a recorded day through the rules")
    replay.add_argument("folder", type=Path, metavar="FOLDER", help="folder or .tar.gz of packets")
    replay.add_argument(
        "--rules", type=Path, help="alerts.toml to judge by (default: the shipped one)"
    )
    replay.add_argument("--latitude", type=float, help="site, degrees north: judge visibility too")
    replay.add_argument("--longitude", type=float, help="site, degrees east")
    replay.add_argument("--height", type=float, default=0.0, help="site, metres")
    replay.add_argument("--json", action="store_true", help="one JSON line for each notice")
    replay.add_argument("--all", action="store_true", help="also what nothing is done about")
    add_send_parser(inner)


def run(arguments: argparse.Namespace, *, sky: Any = None) -> int:
    """Run one sub-command and return the exit status.

    Args:
        arguments: What the command line was parsed to.
        sky: For `replay`: `(notice, now_utc) -> Observability`; None leaves visibility out.
    """
    try:
        match arguments.alert_command:
            case "parse":
                return parse_files(arguments.files, as_json=arguments.json, rules=arguments.rules)
            case "replay":
                return replay_day(arguments, sky)
            case _:
                return send_packet(arguments)
    except ConfigurationError as error:
        print(f"pyros alert: {error}", file=sys.stderr)  # noqa: T201 - a command's output
        return 2


def parse_files(files: list[Path], *, as_json: bool, rules: Path | None = None) -> int:
    """Print what each file is, in the order given; 1 when any is no alert."""
    policy = load_rules(rules).gate
    failed = False
    for path in files:
        line = describe_file(path, policy)
        failed = failed or not line["ok"]
        _print(json.dumps(line) if as_json else _sentence(line))
    return 1 if failed else 0


def describe_file(path: Path, policy: GatePolicy) -> dict[str, Any]:
    """What one file is, as `pyros alert parse --json` prints it."""
    try:
        # A byte more than the largest alert tells that it is too long, whatever the file's length.
        with path.open("rb") as stream:
            raw = stream.read(MAX_JSON_BYTES + 1)
        received_utc = datetime_from_unix(path.stat().st_mtime)
        notice = parse_notice(raw, source="file", received_utc=received_utc)
    except OSError as error:
        return {"file": str(path), "ok": False, "error": f"cannot be read: {error.strerror}"}
    except NoticeError as error:
        return {"file": str(path), "ok": False, "error": str(error)}
    verdict, reasons = actionable(notice, policy)
    return {
        "file": str(path),
        "ok": True,
        "notice": notice_json(notice),
        "actionable": verdict,
        "reasons": [reason.text for reason in reasons],
    }


def notice_json(notice: Notice) -> dict[str, Any]:
    """A notice as JSON's own types: what is not known is null."""
    return {
        "stream": notice.stream,
        "packet_type": notice.packet_type,
        "event_id": notice.event_id,
        "role": notice.role,
        "test": notice.test,
        "retraction": notice.retraction,
        "time_utc": _iso(notice.t0_utc),
        "ra_deg": notice.ra_deg,
        "dec_deg": notice.dec_deg,
        "error_deg": notice.error_deg,
        "containment": notice.containment,
        "class": notice.classification,
        "cites": [cite.ivorn for cite in notice.cites],
    }


def replay_day(arguments: argparse.Namespace, sky: Any = None) -> int:
    """Print what the rules would have done with a recorded day, and a count of the rest."""
    rules = load_rules(arguments.rules)
    rows = list(replay_rows(arguments.folder, rules, sky or _sky(arguments)))
    if not rows:
        raise ConfigurationError(f"{arguments.folder}: no packet in it; give a folder of alerts")
    for row in rows:
        if arguments.all or row.action not in {str(one) for one in _QUIET}:
            _print(json.dumps(row.as_json()) if arguments.json else row.sentence())
    if not arguments.json:
        acted = sum(row.action not in {str(one) for one in _QUIET} for row in rows)
        refused = sum(row.action == "unreadable" for row in rows)
        _print(f"{len(rows)} packets, {acted} led to something, {refused} could not be read")
    return 0


def _sky(arguments: argparse.Namespace) -> Sky | None:
    """What the sky of the site given allowed; None when no site is given."""
    if arguments.latitude is None and arguments.longitude is None:
        return None
    if arguments.latitude is None or arguments.longitude is None:
        raise ConfigurationError("give both --latitude and --longitude, or neither")
    site = Site(
        latitude_deg=arguments.latitude,
        longitude_deg=arguments.longitude,
        height_m=arguments.height,
        name="replay",
    )
    if faults := site.faults():
        raise ConfigurationError("; ".join(faults))
    return lambda notice, now_utc: visibility(site, notice, now_utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """One packet of a replayed day and what would have been done."""

    time_utc: datetime
    name: str
    action: str
    event: str | None = None
    stream: str = ""
    strategy: str | None = None
    place: str = ""
    why: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The row as JSON's own types."""
        return {
            "time_utc": _iso(self.time_utc),
            "packet": self.name,
            "action": self.action,
            "event": self.event,
            "stream": self.stream,
            "strategy": self.strategy,
            "place": self.place,
            "why": list(self.why),
        }

    def sentence(self) -> str:
        """The row as a line of the table."""
        return (
            f"{self.time_utc:%H:%M:%S}  {self.action:<10} {self.event or '-':<16} "
            f"{self.stream:<22} {self.strategy or '-':<14} {self.place:<32} {'; '.join(self.why)}"
        )


def replay_rows(folder: Path, rules: Alerts, sky: Any = None) -> Iterator[ReplayRow]:
    """What the rules would have done with each packet of a day, in order of arrival."""
    book = AlertBook()
    for name, mtime_unix_s, raw in recorded(folder):
        arrived_utc = datetime_from_unix(mtime_unix_s)
        try:
            notice = parse_notice(raw, source="file", received_utc=arrived_utc)
        except NoticeError as error:
            yield ReplayRow(time_utc=arrived_utc, name=name, action="unreadable", why=(str(error),))
            continue
        now_utc = notice.notice_utc or arrived_utc
        ask = None if sky is None else (lambda one, at=now_utc: sky(one, at))
        book, outcome = receive(book, notice, now_utc, rules, ask)
        best = outcome.best
        place = ""
        if best is not None and best.ra_deg is not None and best.error_deg is not None:
            place = f"{best.ra_deg:9.4f} {best.dec_deg:+9.4f} +-{best.error_deg:.3f}"
        yield ReplayRow(
            time_utc=now_utc,
            name=name,
            action=str(outcome.action),
            event=outcome.key,
            stream=f"{notice.stream} {notice.packet_type}",
            strategy=outcome.strategy.name if outcome.strategy else None,
            place=place,
            why=_why(outcome.how, outcome.why, outcome.judgement.reasons),
        )


def recorded(folder: Path) -> Iterator[tuple[str, float, bytes]]:
    """The packets of a folder or a tar file: name, time of arrival, bytes; in order of arrival.

    Raises:
        ConfigurationError: When it is neither.
    """
    if folder.is_dir():
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        if not all(_ORDER.match(path.name) for path in files):
            files.sort(key=lambda p: (p.stat().st_mtime, p.name))
        for path in files:
            if path.suffix in {".gz", ".tgz"}:
                yield from recorded(path)
            elif path.stat().st_size <= MAX_JSON_BYTES:
                yield path.name, path.stat().st_mtime, path.read_bytes()
        return
    try:
        with tarfile.open(folder) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None and member.size <= MAX_JSON_BYTES:
                    yield member.name, float(member.mtime), stream.read()
    except (OSError, tarfile.TarError) as error:
        raise ConfigurationError(f"{folder}: no folder and no tar of alerts: {error}") from error


def _why(how: str, chosen: tuple[str, ...], reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    """The reasons of a row, most telling first."""
    return tuple(text for text in (how, *chosen[:1], *(r.text for r in reasons)) if text)


def _sentence(line: dict[str, Any]) -> str:
    """One line for people about a file."""
    if not line["ok"]:
        return f"{line['file']}: no alert: {line['error']}"
    notice = line["notice"]
    verdict = "acts" if line["actionable"] else "does not act"
    return (
        f"{line['file']}: {notice['stream']} {notice['packet_type']} {notice['event_id']} "
        f"{notice['time_utc']} {verdict}: {'; '.join(line['reasons'])}"
    )


def _iso(time_utc: datetime | None) -> str | None:
    """An instant as ISO 8601 with Z."""
    return None if time_utc is None else time_utc.isoformat().replace("+00:00", "Z")


def _print(text: str) -> None:
    """Print a line of the command's output."""
    print(text)  # noqa: T201 - a command's output
