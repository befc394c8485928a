"""Between a `Request` of the domain and its rows in four tables, both ways without loss."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from pyros.domain.request import Request, RequestKind, RequestStrategy
from pyros.domain.sequence import Album, Plan, Sequence, SequenceState
from pyros.domain.target import Target
from pyros.store.schema import album, exposure_plan, sequence

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

Row = dict[str, Any]

_SAME_NAME = (
    "sequence_id",
    "request_id",
    "programme_id",
    "name",
    "priority_delta",
    "min_altitude_deg",
    "min_moon_separation_deg",
    "earliest_utc",
    "latest_utc",
    "mandatory",
    "carry_over",
    "alert_id",
    "latest_start_utc",
)
_TARGET_SAME_NAME = ("ra_deg", "dec_deg", "pm_ra_mas_yr", "pm_dec_mas_yr", "epoch_jyear")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRowSet:
    """The rows of one request, ready to be inserted in this order."""

    request: Row
    sequences: list[Row]
    albums: list[Row]
    plans: list[Row]


def rows_of_request(
    item: Request,
    *,
    submitted_by: str,
    submitted_utc: datetime,
    state: SequenceState,
    reason: str,
) -> RequestRowSet:
    """Take a request apart into rows."""
    rows = RequestRowSet(
        request={
            "request_id": item.request_id,
            "programme_id": item.programme_id,
            "kind": item.kind.value,
            "name": item.name,
            "strategy": item.strategy.value,
            "alert_id": item.alert_id,
            "telescope": item.telescope,
            "submitted_by": submitted_by,
            "submitted_utc": submitted_utc,
            "closed_utc": None,
        },
        sequences=[],
        albums=[],
        plans=[],
    )
    for position, member in enumerate(item.sequences):
        row: Row = {name: getattr(member, name) for name in _SAME_NAME}
        row |= {name: getattr(member.target, name) for name in _TARGET_SAME_NAME}
        row |= {
            "position": position,
            "target_name": member.target.name,
            "state": state.value,
            "state_reason": reason,
            "state_since_utc": submitted_utc,
        }
        rows.sequences.append(row)
        _add_albums(rows, member)
    return rows


def _add_albums(rows: RequestRowSet, member: Sequence) -> None:
    for album_position, one in enumerate(member.albums):
        rows.albums.append(
            {
                "sequence_id": member.sequence_id,
                "position": album_position,
                "channel": one.channel,
            }
        )
        for position, plan in enumerate(one.plans):
            row = asdict(plan)
            row["image_count"] = row.pop("count")
            rows.plans.append(
                row
                | {
                    "sequence_id": member.sequence_id,
                    "album_position": album_position,
                    "position": position,
                }
            )


def request_from_rows(connection: Connection, head: RowMapping) -> Request:
    """Put a request together from its row and those that belong to it."""
    members = connection.execute(
        select(sequence)
        .where(sequence.c.request_id == head["request_id"])
        .order_by(sequence.c.position)
    ).mappings()
    return Request(
        request_id=head["request_id"],
        programme_id=head["programme_id"],
        kind=RequestKind(head["kind"]),
        name=head["name"],
        sequences=tuple(_sequence(connection, row) for row in members.all()),
        strategy=RequestStrategy(head["strategy"]),
        alert_id=head["alert_id"],
        telescope=head["telescope"],
    )


def _sequence(connection: Connection, row: RowMapping) -> Sequence:
    plans: dict[int, list[Plan]] = {}
    of_sequence = (
        select(exposure_plan)
        .where(exposure_plan.c.sequence_id == row["sequence_id"])
        .order_by(exposure_plan.c.album_position, exposure_plan.c.position)
    )
    for plan in connection.execute(of_sequence).mappings():
        plans.setdefault(plan["album_position"], []).append(
            Plan(
                filter_name=plan["filter_name"],
                exposure_s=plan["exposure_s"],
                count=plan["image_count"],
                dither_arcsec=plan["dither_arcsec"],
            )
        )
    albums = connection.execute(
        select(album).where(album.c.sequence_id == row["sequence_id"]).order_by(album.c.position)
    ).mappings()
    return Sequence(
        **{name: row[name] for name in _SAME_NAME},
        target=Target(name=row["target_name"], **{name: row[name] for name in _TARGET_SAME_NAME}),
        albums=tuple(
            Album(channel=one["channel"], plans=tuple(plans.get(one["position"], ())))
            for one in albums
        ),
    )
