"""Strategies are read, checked and chosen, and say why."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from protocols.alert_rules import default_rules_path, load_rules, read_strategy_change
from pyros.domain.alert.association import AssociationParameters
from pyros.domain.alert.gate import GatePolicy
from pyros.domain.alert.strategy import (
    AlertFacts,
    Conditions,
    Interrupts,
    StrategyBook,
    StrategyError,
    check,
    choose,
    may_interrupt,
    phase_at,
)
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

RULES = load_rules()
BURST = AlertFacts(
    streams=frozenset({"swift-bat"}),
    classification="GRB",
    significance={},
    flags=frozenset(),
    area_deg2=0.01,
    age_s=60.0,
)


def test_shipped_rules_are_the_documented_defaults() -> None:
    """The configuration file states the numbers that the code falls back to."""
    assert replace(RULES.gate, sources={}) == GatePolicy()
    assert RULES.association == AssociationParameters()


def test_strategy_choice_explains_itself() -> None:
    """The choice names what applied and why each earlier one did not."""
    choice = choose(replace(BURST, area_deg2=100.0), RULES.book)
    assert choice.strategy.name == "grb-wide"
    assert choice.reasons[0] == "grb-wide applies"
    assert "90 % area is 100 deg2, at most 0.2" in choice.reasons[1]
    assert choose(replace(BURST, classification="FRB"), RULES.book).strategy.name == "other"


@pytest.mark.parametrize(
    ("conditions", "facts", "applies"),
    [
        (Conditions(streams=("swift-*",)), {}, True),
        (Conditions(streams=("swift",)), {}, False),
        (Conditions(min_significance={"snr_sigma": 7.0}), {}, False),
        (
            Conditions(min_significance={"snr_sigma": 7.0}),
            {"significance": {"snr_sigma": 7.0}},
            True,
        ),
        (Conditions(max_significance={"far_hz": 1e-8}), {"significance": {"far_hz": 1e-7}}, False),
        (Conditions(flags=("short_burst",)), {"flags": frozenset({"short_burst"})}, True),
        (Conditions(not_flags=("short_burst",)), {"flags": frozenset({"short_burst"})}, False),
        (Conditions(max_age_s=30.0), {}, False),
        (Conditions(max_distance_mpc=200.0), {}, False),
        (Conditions(max_distance_mpc=200.0), {"distance_mpc": 40.0}, True),
        (Conditions(observable_now=True), {"observable_now": False}, False),
        (Conditions(observable_now=True), {"observable_now": True}, True),
    ],
)
def test_conditions_hold_only_for_what_is_known(
    conditions: Conditions, facts: dict[str, object], *, applies: bool
) -> None:
    """An unknown figure never satisfies a condition on it."""
    strategy = replace(RULES.book.strategies[0], name="asked", when=conditions)
    book = StrategyBook(strategies=(strategy, RULES.book.named("other")), default="other")
    chosen = choose(replace(BURST, **facts), book).strategy.name  # type: ignore[arg-type]  # parametrised
    assert (chosen == "asked") is applies


def test_phases_go_by_age_since_the_burst() -> None:
    """A burst that is heard late begins in the phase of its age, and one that is over in none."""
    strategy = RULES.book.named("grb-localised")
    starts = [phase_at(strategy, age_s) for age_s in (0.0, 299.0, 300.0, 5000.0, 90_000.0)]
    assert [phase.from_s if phase else None for phase in starts] == [0.0, 0.0, 300.0, 3600.0, None]


def test_better_ranks_interrupt_worse_ones_only() -> None:
    """Routine work always yields, an alert yields to a better rank, some strategies never ask."""
    best, wide = RULES.book.named("grb-localised"), RULES.book.named("grb-wide")
    other = RULES.book.named("other")
    assert may_interrupt(best, None)[0]
    assert may_interrupt(best, wide)[0]
    assert not may_interrupt(best, best)[0]
    assert may_interrupt(wide, None)[0]
    assert not may_interrupt(wide, other)[0]
    assert not may_interrupt(other, None)[0]


def test_check_refuses_books_that_make_no_sense() -> None:
    """Each mistake is named with the strategy and the value."""
    first = RULES.book.strategies[0]
    other = RULES.book.named("other")
    phase = first.phases[0]
    wrong = {
        "twice": (first, first, other),
        "ranks begin at 1": (replace(first, rank=0), other),
        "no phase": (replace(first, phases=()), other),
        "phases follow": (replace(first, phases=(phase, phase)), other),
        "contour": (replace(first, tiling=replace(first.tiling, contour=1.5)), other),
    }
    for text, strategies in wrong.items():
        with pytest.raises(StrategyError, match=text):
            check(StrategyBook(strategies=strategies, default="other"))
    with pytest.raises(StrategyError, match="no strategy 'absent'"):
        check(StrategyBook(strategies=(other,), default="absent"))
    assert Interrupts("anything") is Interrupts.ANYTHING


@pytest.mark.parametrize("name", ["tarot", "colibri"])
def test_published_strategies_ship_and_load(tmp_path: Path, name: str) -> None:
    """Named in the main file, a shipped strategy is tried first."""
    shipped = default_rules_path()
    extra = f'strategy_files = ["{shipped.parent}/strategies/{name}.toml"]'
    path = tmp_path / "alerts.toml"
    path.write_text(shipped.read_text().replace("strategy_files = []", extra))
    rules = load_rules(path)
    assert choose(BURST, rules.book).strategy.name == f"{name}-grb"
    assert len(rules.book.strategies) == len(RULES.book.strategies) + 1


def test_science_centre_changes_strategies_by_json() -> None:
    """Another default, a replaced strategy; what makes no sense leaves the book as it is."""
    changed = read_strategy_change(b'{"default_strategy": "grb-wide"}', RULES.book)
    assert choose(replace(BURST, classification="FRB"), changed).strategy.name == "grb-wide"
    phase = {
        "from_s": 0,
        "to_s": 60,
        "albums": [{"channel": "cam-vis", "plans": [{"filter": "r", "exposure_s": 5.0}]}],
    }
    other = {"name": "other", "rank": 8, "max_age_s": 60, "phase": [phase]}
    replaced = read_strategy_change(json.dumps({"strategy": [other]}).encode(), RULES.book)
    assert replaced.named("other").rank == 8
    assert [s.name for s in replaced.strategies] == [s.name for s in RULES.book.strategies]
    for wrong in (b'{"default_strategy": "absent"}', b'{"strategi": []}', b"{", b"\xff"):
        with pytest.raises(ConfigurationError, match="strategy change"):
            read_strategy_change(wrong, RULES.book)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("max_error_deg = 30.0", "max_eror_deg = 30.0"), "max_eror_deg"),
        (("rank = 1\n", 'rank = "first"\n'), "rank"),
        (('default_strategy = "other"', 'default_strategy = "othr"'), "no strategy 'othr'"),
        (("[gate]", "[gate"), "not valid TOML"),
    ],
)
def test_rules_file_with_a_mistake_is_refused_as_a_whole(
    tmp_path: Path, change: tuple[str, str], text: str
) -> None:
    """One line says what is wrong, with the file's name."""
    path = tmp_path / "alerts.toml"
    shipped = default_rules_path().read_text()
    assert change[0] in shipped
    path.write_text(shipped.replace(*change, 1))
    with pytest.raises(ConfigurationError, match=text) as refused:
        load_rules(path)
    assert str(path) in str(refused.value)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_rules(tmp_path / "absent.toml")
