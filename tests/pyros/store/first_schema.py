"""Rows of a database as the first schema holds them, and what the quotas make of them later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, Table, insert

from pyros.scheduling.quota_ledger import Account

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pyros.store import Store

_ALBUMS = (
    ("open-1", 0, (("g", 90.0, 2), ("r", 60.0, 3))),  # 360 s, the longest
    ("open-1", 1, (("J", 120.0, 2),)),
    ("done-1", 0, (("g", 500.0, 1),)),
    ("burst-1", 0, (("r", 700.0, 1),)),
)
_REQUESTS = (
    ("open", None, "TO_BE_PLANNED", False),
    ("done", None, "COMPLETED", True),
    ("burst", "a1", "TO_BE_PLANNED", False),
)


def fill_first_schema(connection: Connection) -> None:
    """A programme with charges, an open request, a closed one and a burst's, and a plan."""
    metadata = MetaData()
    at = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    if connection.dialect.name == "sqlite":
        at = at.replace(tzinfo=None)

    def put(table: str, **row: object) -> None:
        connection.execute(insert(Table(table, metadata, autoload_with=connection)), row)

    put(
        "programme",
        programme_id="agn", name="AGN", grade="A", night_share=0.25, semester_quota_s=2000.0,
    )  # fmt: skip
    for kind, seconds in (("charge", 500.0), ("refund", 100.0)):
        put(
            "quota_ledger",
            programme_id="agn", night="2026-11-22", sequence_id="done-1", kind=kind,
            seconds=seconds, reason="", time_utc=at,
        )  # fmt: skip
    for name, alert, state, closed in _REQUESTS:
        put(
            "request",
            request_id=name, programme_id="agn", kind="ROUTINE", name=name, strategy="best-effort",
            alert_id=alert, telescope="t1", submitted_by="x", submitted_utc=at,
            closed_utc=at if closed else None,
        )  # fmt: skip
        put(
            "sequence",
            sequence_id=f"{name}-1", request_id=name, position=0, programme_id="agn", name=name,
            target_name=name, ra_deg=1.0, dec_deg=2.0, pm_ra_mas_yr=0.0, pm_dec_mas_yr=0.0,
            epoch_jyear=2000.0, priority_delta=0, min_altitude_deg=25.0,
            min_moon_separation_deg=30.0, mandatory=False, carry_over=False, alert_id=alert,
            state=state, state_reason="", state_since_utc=at,
        )  # fmt: skip
    for sequence_id, position, plans in _ALBUMS:
        put("album", sequence_id=sequence_id, position=position, channel=f"cam-{position}")
        for number, (filter_name, exposure_s, count) in enumerate(plans):
            put(
                "exposure_plan",
                sequence_id=sequence_id, album_position=position, position=number,
                filter_name=filter_name, exposure_s=exposure_s, image_count=count,
                dither_arcsec=0.0,
            )  # fmt: skip
    put(
        "night_plan",
        night="2026-11-23", version=1, trigger="night start", value=1.0, input_hash="x", cpu_s=0.1,
        time_utc=at,
    )  # fmt: skip
    put(
        "placement",
        night="2026-11-23", version=1, position=0, sequence_id="open-1", name="open",
        programme_id="agn", start_utc=at, end_utc=at, priority=80, filters='["g","r"]',
        ra_deg=1.0, dec_deg=2.0,
    )  # fmt: skip


async def look_at_quotas(store: Store) -> None:
    """What was charged counts, what is open reserves its longest album, nothing was bonus."""
    assert await store.programmes.accounts() == {
        "agn": Account(
            programme="agn", allocation_s=2000.0, night_share=0.25, charged_s=400.0,
            reserved_s=360.0,
        )
    }  # fmt: skip
    states = await store.requests.states(["open", "done", "burst"])
    reserved = {identity: stored.reserved_s for identity, stored in states.items()}
    assert reserved == {"open-1": 360.0, "done-1": 0.0, "burst-1": 0.0}
    (programme,) = await store.programmes.all()
    assert programme.semester_from is None
    assert {entry.telescope for entry in await store.programmes.ledger("agn")} == {""}
    plan = await store.plans.get("2026-11-23")
    assert plan is not None
    assert [item.bonus for item in plan.placements] == [False]
    assert plan.placements[0].filters == ("g", "r")
