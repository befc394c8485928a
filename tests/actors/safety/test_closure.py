"""Orders until the dome is seen closed, the alarm, and the lease that is withheld."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.safety.closure import Closure, follow_up
from actors.safety.lease import may_renew
from actors.safety.settings import SafetySettings

SETTINGS = SafetySettings()


def run(words, *, answers: bool = True, period_s: float = 1.0):
    """Acts by time for a sequence of (must_close, seen_closed), one per period."""
    closure, acts = Closure(), []
    for number, (must_close, seen_closed) in enumerate(words):
        now_s = number * period_s
        closure, what = follow_up(
            closure,
            must_close=must_close,
            seen_closed=seen_closed,
            answers=answers,
            now_s=now_s,
            settings=SETTINGS,
        )
        acts += [(now_s, act) for act in what]
    return closure, acts


def test_dome_that_closes_is_ordered_every_ten_seconds_until_seen_closed() -> None:
    """An order that was lost is given again; a closed dome is left alone."""
    _, acts = run([(True, False)] * 35 + [(True, True)] * 100)
    assert acts == [(0.0, "order"), (10.0, "order"), (20.0, "order"), (30.0, "order")]


def test_dome_that_does_not_close_raises_one_alarm_and_loses_its_lease() -> None:
    """Two minutes after the first order: one alarm, however long it lasts, and no lease."""
    closure, acts = run([(True, False)] * 121)
    assert may_renew(closure, 120.0, SETTINGS)
    closure, acts = run([(True, False)] * 1000)
    assert [at for at, act in acts if act == "alarm"] == [121.0]
    assert not may_renew(closure, 121.0, SETTINGS)


def test_dome_that_closes_after_the_alarm_is_told_and_leased_again() -> None:
    """Relief is journalled once, and the lease goes on."""
    closure, acts = run([(True, False)] * 200 + [(True, True)] * 10)
    assert [act for _, act in acts if act != "order"] == ["alarm", "relief"]
    assert may_renew(closure, 1e6, SETTINGS)


def test_dome_that_is_not_heard_is_ordered_less_often() -> None:
    """A dead device is not flooded with orders it cannot hear; its lease runs out anyway."""
    _, acts = run([(True, False)] * 180, answers=False)
    assert [at for at, act in acts if act == "order"] == [0.0, 60.0, 120.0]


def test_closing_ends_when_it_is_safe_again() -> None:
    """No order survives the verdict that led to it."""
    closure, acts = run([(True, False)] * 5 + [(False, False)] * 100)
    assert closure == Closure()
    assert acts == [(0.0, "order")]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=300))
def test_open_dome_is_never_left_without_an_order_for_long(words) -> None:
    """For any history: an unsafe second with the dome not closed follows an order by < 10 s."""
    _, acts = run(words)
    orders = [at for at, act in acts if act == "order"]
    for number, (must_close, seen_closed) in enumerate(words):
        if must_close and not seen_closed:
            assert any(number - 10.0 < at <= number for at in orders)
