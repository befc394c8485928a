"""The pace of a source: bursts pass, floods wait, then are refused; nothing grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.alert_source.pace import Pace


def test_pace_lets_a_burst_pass_at_once_then_waits_then_refuses() -> None:
    """Ten at once, then one each tenth of a second, and none that would wait over a second."""
    pace = Pace(per_s=10.0, burst=10.0, patience_s=1.0)
    waits = [pace.wait_s(100.0) for _ in range(30)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:20] == [round(0.1 * k, 10) for k in range(1, 11)] or all(
        wait is not None and 0 < wait <= 1.0 for wait in waits[10:20]
    )
    assert waits[20:] == [None] * 10
    assert pace.refused == 10
    assert pace.wait_s(200.0) == 0.0


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=200))
def test_pace_never_admits_more_than_rate_and_burst(steps_s: list[float]) -> None:
    """Whatever the arrivals: what starts within any time is the burst and the rate at most."""
    pace = Pace(per_s=5.0, burst=3.0, patience_s=2.0)
    now_s, starts = 0.0, []
    for step_s in steps_s:
        now_s += step_s
        wait_s = pace.wait_s(now_s)
        if wait_s is not None:
            starts.append(now_s + wait_s)
    starts.sort()
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            span_s = starts[last] - starts[first]
            assert last - first + 1 <= 3.0 + 1.0 + 5.0 * span_s + 1e-6
