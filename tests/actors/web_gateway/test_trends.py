"""Trends: rings of points, decimated without losing gusts, rain or gaps."""

from __future__ import annotations

from typing import Any

from actors.web_gateway.live_model import LiveModel
from actors.web_gateway.sections import changes_of
from actors.web_gateway.trends import QUANTITIES, TrendRing, sample
from tests.browser import staged_night as staged


def table(ring: TrendRing, **asked: Any) -> Any:
    """The table of all quantities."""
    return ring.table(**{"since_unix_s": 0.0, "points": 100, "quantities": QUANTITIES, **asked})


def test_trends_keep_the_newest_points() -> None:
    """A full ring forgets the oldest, and never holds much more than asked."""
    ring = TrendRing(16)
    for n in range(100):
        ring.add(float(n), {"mast": {"wind_m_s": n / 10}})
    told = table(ring)
    assert len(ring) <= 18
    assert told["time_unix_s"][-1] == 99.0
    assert told["stations"]["mast"]["wind_m_s"][-1] == 9.9


def test_decimated_trends_keep_the_worst_gust() -> None:
    """One gust among a thousand points survives when ten are told; temperature tells the latest."""
    ring = TrendRing(2000)
    for n in range(1000):
        gust = 31.0 if n == 444 else 5.0
        ring.add(float(n), {"mast": {"gust_m_s": gust, "temperature_deg_C": float(n)}})
    told = table(ring, points=10)
    assert len(told["time_unix_s"]) == 10
    assert max(told["stations"]["mast"]["gust_m_s"]) == 31.0
    assert told["stations"]["mast"]["temperature_deg_C"][-1] == 999.0


def test_gap_in_a_trend_is_null_not_zero() -> None:
    """Where a station said nothing there is nothing, also before it was first heard of."""
    ring = TrendRing(10)
    ring.add(1.0, {"mast": {"wind_m_s": 3.0}})
    ring.add(2.0, {"roof": {"wind_m_s": 4.0}})
    told = table(ring)["stations"]
    assert told["mast"]["wind_m_s"] == [3.0, None]
    assert told["roof"]["wind_m_s"] == [None, 4.0]


def test_trend_starts_where_asked() -> None:
    """Points older than asked are left out; a span without points is empty."""
    ring = TrendRing(10)
    for n in range(5):
        ring.add(float(n), {"mast": {"wind_m_s": 1.0}})
    assert table(ring, since_unix_s=3.0)["time_unix_s"] == [3.0, 4.0]
    assert table(ring, since_unix_s=9.0)["time_unix_s"] == []


def test_stale_reading_is_no_sample() -> None:
    """Only values that may be trusted become points."""
    model = LiveModel()
    report = staged.weather(staged.NOW)[0]
    stale = staged.readings(staged.NOW, {"wind_m_s": 9.0, "rain": True}, stale=("wind_m_s",))
    object.__setattr__(report, "readings", stale)
    model.apply(changes_of(report, model, staged.NOW))
    assert sample(model.under("stations")) == {"mast": {"rain": 1.0}}
