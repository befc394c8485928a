"""Tests of programmes and the ledger of their time."""

from __future__ import annotations

import math

import pytest

from pyros.domain.programme import Grade, ScientificProgramme
from pyros.store import LedgerEntry, Store

pytestmark = pytest.mark.asyncio


def _programme(programme_id: str, share: float = 0.25) -> ScientificProgramme:
    return ScientificProgramme(
        programme_id=programme_id,
        name=programme_id.upper(),
        grade=Grade.A,
        night_share=share,
        semester_quota_s=200_000.0,
    )


async def test_programmes_are_replaced_by_id(store: Store):
    """Saving the configuration again brings changes and keeps the others."""
    await store.programmes.save([_programme("b"), _programme("a")])
    await store.programmes.save([_programme("b", share=0.5)])
    assert await store.programmes.all() == [_programme("a"), _programme("b", share=0.5)]


async def test_ledger_adds_up_charges_and_refunds_by_night(store: Store, at):
    """What a programme used is what was charged less what was given back, in the nights asked."""

    def entry(night: str, kind: str, seconds: float) -> LedgerEntry:
        return LedgerEntry(
            programme_id="agn",
            night=night,
            sequence_id="s",
            kind=kind,  # type: ignore[arg-type]  # both are written below
            seconds=seconds,
            reason="",
            time_utc=at(0),
        )

    await store.programmes.book(
        [
            entry("2026-11-22", "charge", 100.0),
            entry("2026-11-23", "charge", 60.0),
            entry("2026-11-23", "refund", 15.0),
        ]
    )
    assert await store.programmes.used_s() == {"agn": 145.0}
    assert await store.programmes.used_s(from_night="2026-11-23") == {"agn": 45.0}
    assert await store.programmes.used_s(until_night="2026-11-22") == {"agn": 100.0}
    kinds = [entry.kind for entry in await store.programmes.ledger("agn")]
    assert kinds == ["refund", "charge", "charge"]
    assert await store.programmes.ledger("sn") == []


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
async def test_ledger_refuses_negative_amounts(at, seconds: float):
    """A negative charge would be a refund that nobody sees."""
    with pytest.raises(ValueError, match="book the other kind"):
        LedgerEntry(
            programme_id="agn",
            night="n",
            sequence_id="s",
            kind="charge",
            seconds=seconds,
            reason="",
            time_utc=at(0),
        )
