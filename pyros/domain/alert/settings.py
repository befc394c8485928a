"""The shape of `config/alerts.toml`: unknown keys are refused, units are in the keys' names.

The structs mirror the rules' own types; `Alerts` is what the observatory uses. A file that is
changed while PyROS runs is read the same way, so that a bad edit is refused as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from pyros.domain.album_entry import AlbumEntry, albums_of
from pyros.domain.alert.association import AssociationParameters
from pyros.domain.alert.gate import (
    DEFAULT_ACT_TYPES,
    DEFAULT_BLOCKING_FLAGS,
    DEFAULT_CLASSES,
    GatePolicy,
    SourcePolicy,
    Trust,
)
from pyros.domain.alert.localisation import Calibration, StreamCalibration
from pyros.domain.alert.map_policy import LOOPBACK, MapPolicy
from pyros.domain.alert.strategy import (
    Conditions,
    Interrupts,
    Phase,
    Strategy,
    StrategyBook,
    StrategyError,
    TilingRule,
    check,
)


class _Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Keys that are not known are mistakes."""


class SourceSettings(_Strict):
    """`[gate.sources.NAME]`."""

    trust: Trust = Trust.LOG
    authorities: tuple[str, ...] = ()
    injected: bool = False
    max_triggers_per_hour: int = 20
    max_notices_per_event: int = 200


class GateSettings(_Strict):
    """`[gate]`."""

    act_types: dict[str, tuple[int | str, ...]] = msgspec.field(
        default_factory=lambda: dict(DEFAULT_ACT_TYPES)
    )
    classes: tuple[str, ...] = DEFAULT_CLASSES
    blocking_flags: tuple[str, ...] = DEFAULT_BLOCKING_FLAGS
    min_significance: dict[str, dict[str, float]] = {}
    max_far_hz: dict[str, float] = msgspec.field(default_factory=lambda: {"lvk": 3.8e-7})
    max_error_deg: float = 30.0
    max_age_s: dict[str, float] = msgspec.field(
        default_factory=lambda: {"default": 86_400.0, "GW": 259_200.0, "NEUTRINO": 172_800.0}
    )
    future_tolerance_s: float = 60.0
    sources: dict[str, SourceSettings] = {}


class CalibrationSettings(_Strict):
    """`[association.streams.NAME]`."""

    systematic_deg: tuple[float, ...] = (0.0,)
    weights: tuple[float, ...] = (1.0,)
    floor: float = 0.002


class AssociationSettings(_Strict):
    """`[association]`."""

    same_mission_days: float = 7.0
    window_s: float = 600.0
    seen_by_both: float = 0.2
    laplace: tuple[tuple[float, float], ...] = ((0.80, 3.0), (0.17, 40.0))
    uniform_weight: float = 0.03
    merge_ln_odds: float = 2.3
    possible_ln_odds: float = 0.0
    rate_days: float = 30.0
    usual_per_day: dict[str, float] = {}
    usual_weight_days: float = 10.0
    external_tolerance_s: float = 5.0
    streams: dict[str, CalibrationSettings] = {}


class PhaseSettings(_Strict):
    """`[[strategy.phase]]`."""

    from_s: float
    to_s: float
    albums: tuple[AlbumEntry, ...]
    repeats: int = 0


class ConditionSettings(_Strict):
    """`[strategy.when]`."""

    streams: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    min_significance: dict[str, float] = {}
    max_significance: dict[str, float] = {}
    flags: tuple[str, ...] = ()
    not_flags: tuple[str, ...] = ()
    min_area_deg2: float | None = None
    max_area_deg2: float | None = None
    max_age_s: float | None = None
    observable_now: bool | None = None
    max_distance_mpc: float | None = None


class TilingSettings(_Strict):
    """`[strategy.tiling]`."""

    max_tiles: int = 0
    contour: float = 0.9
    min_tile_probability: float = 0.005


class StrategySettings(_Strict):
    """`[[strategy]]`."""

    name: str
    rank: int
    max_age_s: float
    phase: tuple[PhaseSettings, ...]
    when: ConditionSettings = msgspec.field(default_factory=ConditionSettings)
    interrupts: Interrupts = Interrupts.ANYTHING
    tiling: TilingSettings = msgspec.field(default_factory=TilingSettings)
    min_altitude_deg: float = 20.0
    carry_over_nights: int = 0
    summary: str = ""


class MapSettings(_Strict):
    """`[maps]`."""

    hosts: tuple[str, ...] = ()
    plain_hosts: tuple[str, ...] = ()
    max_bytes: int = 8 * 1024 * 1024
    timeout_s: float = 30.0
    first_retry_s: float = 5.0
    longest_retry_s: float = 120.0
    give_up_s: float = 3600.0


class AlertSettings(_Strict):
    """The whole file."""

    default_strategy: str
    strategy: tuple[StrategySettings, ...]
    strategy_files: tuple[str, ...] = ()
    gate: GateSettings = msgspec.field(default_factory=GateSettings)
    association: AssociationSettings = msgspec.field(default_factory=AssociationSettings)
    maps: MapSettings = msgspec.field(default_factory=MapSettings)


class StrategyFile(_Strict):
    """A file of strategies beside the main one, or a change of strategies sent by a science centre.

    Its strategies replace those of the same name, others are tried before all there are.
    """

    strategy: tuple[StrategySettings, ...] = ()
    default_strategy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """The rules that alerts are treated by."""

    gate: GatePolicy
    association: AssociationParameters
    book: StrategyBook
    maps: MapPolicy = field(default_factory=MapPolicy)


def alerts_of(settings: AlertSettings) -> Alerts:
    """The rules of a settings file.

    Raises:
        StrategyError: When the strategies make no sense together.
    """
    gate = GatePolicy(
        **{
            **_fields(settings.gate),
            "sources": {
                name: SourcePolicy(**_fields(source))
                for name, source in settings.gate.sources.items()
            },
        }
    )
    book = StrategyBook(
        strategies=tuple(_strategy(one) for one in settings.strategy),
        default=settings.default_strategy,
    )
    check(book)
    return Alerts(
        gate=gate,
        association=_association(settings.association),
        book=book,
        maps=_maps(settings.maps),
    )


def _maps(settings: MapSettings) -> MapPolicy:
    """How maps are fetched.

    Raises:
        StrategyError: When a plain host is another machine, or a number makes no sense.
    """
    far = [host for host in settings.plain_hosts if host not in LOOPBACK]
    if far:
        raise StrategyError(
            f"maps.plain_hosts: {far[0]!r} is not this machine; list it under hosts, by https"
        )
    for name in ("max_bytes", "timeout_s", "first_retry_s", "longest_retry_s", "give_up_s"):
        if not getattr(settings, name) > 0:
            raise StrategyError(f"maps.{name} = {getattr(settings, name)}; it must be above 0")
    return MapPolicy(**_fields(settings))


def with_strategies(book: StrategyBook, change: StrategyFile) -> StrategyBook:
    """The book with strategies replaced or added, and another default if the change names one.

    Raises:
        StrategyError: When the changed book makes no sense; the old one stays in force.
    """
    new = {one.name: _strategy(one) for one in change.strategy}
    kept = tuple(new.pop(one.name, one) for one in book.strategies)
    changed = StrategyBook(
        strategies=(*new.values(), *kept), default=change.default_strategy or book.default
    )
    check(changed)
    return changed


def _association(settings: AssociationSettings) -> AssociationParameters:
    """The association's numbers; streams that are not given keep the shipped calibration."""
    shipped = AssociationParameters()
    streams = {
        **shipped.calibration.streams,
        **{name: StreamCalibration(**_fields(one)) for name, one in settings.streams.items()},
    }
    numbers = _fields(settings)
    del numbers["streams"]
    numbers["usual_per_day"] = {**shipped.usual_per_day, **settings.usual_per_day}
    return AssociationParameters(**numbers, calibration=Calibration(streams=streams))


def _strategy(settings: StrategySettings) -> Strategy:
    """One strategy."""
    numbers = _fields(settings)
    del numbers["phase"]
    numbers["when"] = Conditions(**_fields(settings.when))
    numbers["tiling"] = TilingRule(**_fields(settings.tiling))
    return Strategy(**numbers, phases=tuple(_phase(phase) for phase in settings.phase))


def _phase(settings: PhaseSettings) -> Phase:
    """One phase."""
    numbers = _fields(settings)
    numbers["albums"] = albums_of(settings.albums)
    return Phase(**numbers)


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    """A struct's fields by name, one level deep."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
