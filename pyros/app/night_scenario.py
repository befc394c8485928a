"""The scenario of a simulated night: weather and faults of the devices, bursts, and a lost broker.

All that a scenario of the simulated devices prescribes, and what only a whole site has: alerts that
come in, and the MQTT broker between control and devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.alert_handler.templates import AlertTemplates
from pyros.app.settings import beside
from pyros.app.toml_file import load_toml
from pyros.errors import ConfigurationError
from simulators.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from pyros.app.settings import ObservatorySettings


class BurstEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert comes in over MQTT."""

    at_s: float
    """Seconds after the origin."""
    kind: str = "swift-bat"
    """Which notice: a template's name."""
    ra_deg: float | None = None
    """ICRS; a place in view is drawn when left out."""
    dec_deg: float | None = None
    """ICRS."""


class BrokerOutage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker is killed and started again: everyone's connection is lost."""

    at_s: float
    """Seconds after the origin."""
    for_s: float
    """How long it is away."""
    forget: bool = True
    """Whether it comes back empty: no sessions, nothing retained."""


class NightScenario(Scenario, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens in a simulated night beside what the seed brings."""

    bursts: tuple[BurstEvent, ...] = ()
    """Alerts; with any of them the seed draws none."""
    outages: tuple[BrokerOutage, ...] = ()
    """Times without a broker."""

    @classmethod
    def of(cls, scenario: Scenario | None) -> NightScenario:
        """What a scenario of the devices prescribes; nothing for None."""
        return cls() if scenario is None else cls(**msgspec.structs.asdict(scenario))


def load_scenario(path: Path, settings: ObservatorySettings, *, config: Path) -> NightScenario:
    """A scenario's file, checked against the site whose settings come from `config`.

    Raises:
        ConfigurationError: When it cannot be read, or prescribes what cannot happen here.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"{path}: no such file; give an existing one with --scenario, for example "
            "config/scenarios/rain_at_midnight.toml"
        )
    scenario = load_toml(path, NightScenario)
    devices = () if settings.simulators is None else settings.simulators.device_keys()
    complaints = scenario.complaints(devices)
    kinds = AlertTemplates(beside(config, settings.alerts.templates)).kinds()
    complaints += [
        f"bursts: no template {burst.kind!r}; known: {', '.join(kinds) or 'none'}"
        for burst in scenario.bursts
        if burst.kind not in kinds
    ]
    complaints += [
        f"bursts: at {burst.at_s:g} s: give both ra_deg and dec_deg, or neither"
        for burst in scenario.bursts
        if (burst.ra_deg is None) != (burst.dec_deg is None)
    ]
    if complaints:
        raise ConfigurationError("\n".join(f"{path}: {complaint}" for complaint in complaints))
    return scenario
