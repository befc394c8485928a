"""Observing strategies: declarative rules that turn a burst into phases of exposures.

The first strategy whose conditions all hold is taken; when none does, the default is. A strategy
without conditions is only ever taken as the default. Phases go by age since T0, not by time since
arrival: a burst that comes late starts in the phase of its age. Every choice says why, and why each
strategy before it was passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.domain.sequence import Album


class StrategyError(PermanentError):
    """A strategy makes no sense; the text names it, the value and the remedy."""


class Interrupts(StrEnum):
    """What a strategy's first look may interrupt."""

    ANYTHING = "anything"  # routine work, and any alert of a worse rank
    ROUTINE = "routine"  # routine work only
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """What a strategy is chosen by.

    Attributes:
        streams: Every stream that has seen the burst.
        classification: What it is.
        significance: Figures of merit.
        flags: Statements of the notices ("short_burst", ...).
        area_deg2: Area that holds 90 % of the probability, in square degrees.
        age_s: Seconds since T0.
        observable_now: Whether its best position can be observed at once; None when not known.
        distance_mpc: Distance estimate in Mpc, or None.
    """

    streams: frozenset[str]
    classification: str | None
    significance: Mapping[str, float]
    flags: frozenset[str]
    area_deg2: float
    age_s: float
    observable_now: bool | None = None
    distance_mpc: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """When a strategy applies; a condition that is not given always holds.

    Attributes:
        streams: Any of these has seen the burst; a name that ends in "*" is a prefix.
        classes: The burst is one of these.
        min_significance: Least values of figures of merit; an absent figure fails.
        max_significance: Largest values (false alarm rates); an absent figure fails.
        flags: All of these are stated.
        not_flags: None of these is stated.
        min_area_deg2: Least 90 % area.
        max_area_deg2: Largest 90 % area.
        max_age_s: Largest age.
        observable_now: Visibility asked for.
        max_distance_mpc: Largest distance; an unknown distance fails.
    """

    streams: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    min_significance: Mapping[str, float] = field(default_factory=dict)
    max_significance: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    not_flags: tuple[str, ...] = ()
    min_area_deg2: float | None = None
    max_area_deg2: float | None = None
    max_age_s: float | None = None
    observable_now: bool | None = None
    max_distance_mpc: float | None = None


_ALWAYS = Conditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What is done while the burst's age is in a range.

    Attributes:
        from_s: Age at which the phase begins, in seconds since T0.
        to_s: Age at which it ends.
        albums: Exposures of each channel; one round of all of them is one repeat.
        repeats: Rounds; 0 for as many as fit.
    """

    from_s: float
    to_s: float
    albums: tuple[Album, ...]
    repeats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingRule:
    """How an error region larger than the field is covered.

    Attributes:
        max_tiles: Most fields; 0 when the strategy only points at the centre.
        contour: Probability to be covered.
        min_tile_probability: A field that holds less is not observed.
    """

    max_tiles: int = 0
    contour: float = 0.9
    min_tile_probability: float = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One strategy.

    Attributes:
        name: Unique name.
        rank: 1 is the best; a burst of a better rank may interrupt one of a worse.
        when: Its conditions.
        phases: What to do, by age.
        max_age_s: After this age nothing is begun.
        interrupts: What its first look may interrupt.
        tiling: How large regions are covered.
        min_altitude_deg: Lowest altitude observed at.
        carry_over_nights: Following nights on which it is tried again.
        summary: One sentence for people.
    """

    name: str
    rank: int
    when: Conditions
    phases: tuple[Phase, ...]
    max_age_s: float
    interrupts: Interrupts = Interrupts.ANYTHING
    tiling: TilingRule = field(default_factory=TilingRule)
    min_altitude_deg: float = 20.0
    carry_over_nights: int = 0
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyBook:
    """All strategies, in the order they are tried, and the one that is taken when none applies."""

    strategies: tuple[Strategy, ...]
    default: str

    def named(self, name: str) -> Strategy:
        """The strategy of a name.

        Raises:
            StrategyError: When there is none.
        """
        for strategy in self.strategies:
            if strategy.name == name:
                return strategy
        names = ", ".join(s.name for s in self.strategies)
        raise StrategyError(f"no strategy {name!r}; there are {names}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The strategy taken and why: what held, then why earlier ones were not taken."""

    strategy: Strategy
    reasons: tuple[str, ...]


def choose(facts: AlertFacts, book: StrategyBook) -> Choice:
    """The strategy for a burst.

    Raises:
        StrategyError: When the default's name is wrong; `check` finds that at load.
    """
    passed: list[str] = []
    for strategy in book.strategies:
        if strategy.name == book.default or strategy.when == _ALWAYS:
            continue  # without conditions it is there to be the default
        against = failing(facts, strategy.when)
        if not against:
            return Choice(strategy=strategy, reasons=(f"{strategy.name} applies", *passed))
        passed.append(f"not {strategy.name}: {against[0]}")
    return Choice(strategy=book.named(book.default), reasons=("default strategy", *passed))


def failing(facts: AlertFacts, when: Conditions) -> list[str]:
    """The conditions that do not hold, in words."""
    against: list[str] = []
    if when.streams and not any(_matches(s, p) for s in facts.streams for p in when.streams):
        against.append(f"seen by {', '.join(sorted(facts.streams))}")
    if when.classes and facts.classification not in when.classes:
        against.append(f"class is {facts.classification or 'not stated'}")
    for name, least in when.min_significance.items():
        value = facts.significance.get(name)
        if value is None or value < least:
            against.append(f"{name} is {_shown(value)}, at least {least:g} is asked")
    for name, most in when.max_significance.items():
        value = facts.significance.get(name)
        if value is None or value > most:
            against.append(f"{name} is {_shown(value)}, at most {most:g} is asked")
    against += [f"flag {flag} is not stated" for flag in when.flags if flag not in facts.flags]
    against += [f"flag {flag} is stated" for flag in when.not_flags if flag in facts.flags]
    bounds = (
        ("90 % area", facts.area_deg2, when.min_area_deg2, when.max_area_deg2, "deg2"),
        ("age", facts.age_s, None, when.max_age_s, "s"),
        ("distance", facts.distance_mpc, None, when.max_distance_mpc, "Mpc"),
    )
    for name, value, least_, most_, unit in bounds:
        if least_ is not None and (value is None or value < least_):
            against.append(f"{name} is {_shown(value)} {unit}, at least {least_:g} is asked")
        if most_ is not None and (value is None or value > most_):
            against.append(f"{name} is {_shown(value)} {unit}, at most {most_:g} is asked")
    if when.observable_now is not None and facts.observable_now is not when.observable_now:
        against.append("visible now" if facts.observable_now else "not visible now")
    return against


def phase_at(strategy: Strategy, age_s: float) -> Phase | None:
    """The phase of an age, or the next one to come, or None when all are over."""
    for phase in strategy.phases:
        if age_s < phase.to_s:
            return phase
    return None


def may_interrupt(new: Strategy, running: Strategy | None) -> tuple[bool, str]:
    """Whether a burst's first look may interrupt what is running.

    Args:
        new: The new burst's strategy.
        running: The strategy of the alert that is running, None for routine work.
    """
    if new.interrupts is Interrupts.NOTHING:
        return False, f"{new.name} interrupts nothing"
    if running is None:
        return True, f"{new.name} interrupts routine work"
    if new.interrupts is Interrupts.ROUTINE:
        return False, f"{new.name} interrupts no alert"
    if new.rank < running.rank:
        return True, f"rank {new.rank} ({new.name}) before rank {running.rank} ({running.name})"
    return False, f"rank {new.rank} ({new.name}) is no better than {running.rank} ({running.name})"


def check(book: StrategyBook) -> None:
    """Check that a book makes sense as a whole.

    Raises:
        StrategyError: For a name used twice, a missing default, a rank below 1, phases that overlap
            or are empty, or exposures that cannot be.
    """
    names = [strategy.name for strategy in book.strategies]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StrategyError(f"strategy {twice[0]!r} is there twice; names are unique")
    book.named(book.default)
    for strategy in book.strategies:
        _check_strategy(strategy)


def _check_strategy(strategy: Strategy) -> None:
    """Check one strategy."""
    name = strategy.name
    if strategy.rank < 1:
        raise StrategyError(f"strategy {name!r}: rank {strategy.rank}; ranks begin at 1, the best")
    if not strategy.phases:
        raise StrategyError(f"strategy {name!r} has no phase; give at least one")
    end_s = 0.0
    for number, phase in enumerate(strategy.phases, start=1):
        if phase.from_s < end_s or phase.to_s <= phase.from_s:
            raise StrategyError(
                f"strategy {name!r}, phase {number}: from {phase.from_s:g} to {phase.to_s:g} s; "
                f"phases follow each other and the last one ended at {end_s:g} s"
            )
        end_s = phase.to_s
        if not phase.albums:
            raise StrategyError(f"strategy {name!r}, phase {number} has no exposures")
        for plan in (plan for album in phase.albums for plan in album.plans):
            if plan.exposure_s <= 0 or plan.count < 1:
                raise StrategyError(
                    f"strategy {name!r}, phase {number}: {plan.count} exposures of "
                    f"{plan.exposure_s:g} s in {plan.filter_name}; both must be positive"
                )
    if not 0 < strategy.tiling.contour <= 1:
        raise StrategyError(f"strategy {name!r}: contour {strategy.tiling.contour:g}, not in 0..1")


def _matches(stream: str, pattern: str) -> bool:
    """Whether a stream is meant by a name or a prefix."""
    return stream.startswith(pattern[:-1]) if pattern.endswith("*") else stream == pattern


def _shown(value: float | None) -> str:
    """A value or the lack of it."""
    return "unknown" if value is None else f"{value:.3g}"
