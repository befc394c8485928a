"""`pyros check`: verifies configuration and prerequisites, and explains what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from actors.alert_handler.rules import RuleFile
from actors.alert_handler.templates import AlertTemplates
from actors.alert_source.http_tokens import load_tokens
from actors.scheduler.ledger import reservations
from pyros.app.locations import default_config
from pyros.app.request_file import load_requests
from pyros.app.settings import beside, load_settings
from pyros.app.site_processes import port_in_use
from pyros.errors import ConfigurationError, PyrosError
from pyros.scheduling.quota_ledger import Account, QuotaExceededError, submit
from pyros.sky.earth_rotation import earth_orientation
from pyros.sky.ephemeris import de421_path
from simulators.process import BrokerAddress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from pyros.app.request_file import Demands
    from pyros.app.settings import ObservatorySettings
    from pyros.domain.sequence import ChannelTimes

_OLDEST_LXML = 5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `check`."""
    parser = commands.add_parser("check", help="verify configuration and prerequisites")
    parser.add_argument("--config", type=Path, default=None, help="configuration file")


def run(options: argparse.Namespace) -> int:
    """Print a line for each thing looked at; 2 when one is wrong."""
    config: Path = options.config or default_config()
    settings = load_settings(config)
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("configuration", lambda: _configuration(config, settings)),
        ("requests", lambda: _requests(config, settings)),
        ("alert rules", lambda: _rules(config, settings)),
        ("alert tokens", lambda: _tokens(config, settings)),
        ("test alerts", lambda: _templates(config, settings)),
        ("sky", lambda: _sky(settings)),
        ("broker", lambda: _broker(settings)),
        ("page", lambda: _page(settings)),
        ("packages", _packages),
    )
    wrong = 0
    for name, look in checks:
        try:
            found, mark = look(), "ok"
        except PyrosError as error:
            found, mark, wrong = str(error), "WRONG", wrong + 1
        for line in found.splitlines():
            sys.stdout.write(f"{mark:<5} {name}: {line}\n")
    return 2 if wrong else 0


def _configuration(config: Path, settings: ObservatorySettings) -> str:
    devices = sum(len(list(unit.device_ids())) for unit in settings.telescope)
    kind = "simulated" if settings.simulators is not None else "real"
    return (
        f"{config}: {settings.node.id} > {settings.site.id} > {len(settings.telescope)} "
        f"telescopes, {devices} {kind} devices, {len(settings.station)} weather stations"
    )


def _requests(config: Path, settings: ObservatorySettings) -> str:
    demands = load_requests(
        beside(config, settings.requests), filters_by_channel=settings.filters_by_channel()
    )
    too_much = _never_taken(demands, settings.channel_times())
    if too_much:
        raise ConfigurationError("\n".join(too_much))
    sequences = sum(len(r.sequences) for r in (*demands.once, *demands.nightly))
    return f"{len(demands.programmes)} programmes, {sequences} sequences"


def _never_taken(demands: Demands, times: Mapping[str, ChannelTimes]) -> list[str]:
    """Requests that fit no semester of their programme, and nights that ask for more than one."""
    refused: list[str] = []
    for programme in demands.programmes:
        whole = Account(programme=programme.programme_id, allocation_s=programme.semester_quota_s)
        night = whole
        for request in (*demands.once, *demands.nightly):
            if request.programme_id != programme.programme_id:
                continue
            asked_s = sum(reservations(request, times).values())
            try:
                if request in demands.nightly:
                    night = submit(night, asked_s)
                else:
                    submit(whole, asked_s)
            except QuotaExceededError as error:
                refused.append(f"request {request.request_id} is refused: {error}")
    return refused


def _rules(config: Path, settings: ObservatorySettings) -> str:
    rules = RuleFile(beside(config, settings.alerts.handler.rules)).load()
    return f"{len(rules.book.strategies)} strategies, default {rules.book.default}"


def _tokens(config: Path, settings: ObservatorySettings) -> str:
    """Whose packets are taken by HTTP, and what each may do."""
    tokens = load_tokens(settings.alerts.sources.http, config.parent, os.environ)
    if not tokens:
        return "none; packets by HTTP come from this machine only"
    gate = RuleFile(beside(config, settings.alerts.handler.rules)).rules.gate
    return "; ".join(
        f"{name} may {gate.source(name).trust} for {', '.join(gate.source(name).authorities)}"
        if name in gate.sources
        else f"{name} may only be logged: the rules have no gate.sources.{name}"
        for name in tokens.sources
    )


def _templates(config: Path, settings: ObservatorySettings) -> str:
    kinds = AlertTemplates(beside(config, settings.alerts.templates)).kinds()
    return ", ".join(kinds) or "none; operators cannot inject test alerts"


def _sky(settings: ObservatorySettings) -> str:
    settings.site.sky_site()
    earth_orientation()
    return "Earth orientation and ephemeris are installed" + (
        "" if de421_path() is not None else "; DE421 is missing, the analytic ephemeris serves"
    )


def _broker(settings: ObservatorySettings) -> str:
    if settings.mqtt.url == "embedded":
        return "embedded, started with PyROS"
    address = BrokerAddress.of(settings.mqtt.url)
    answers = port_in_use(address.host, address.port)
    return f"{settings.mqtt.url} {'answers' if answers else 'does not answer: start it first'}"


def _page(settings: ObservatorySettings) -> str:
    host, port = settings.web.host, settings.web.port
    busy = bool(port) and port_in_use(host, port)
    return f"http://{host}:{port} is {'in use (PyROS may be running)' if busy else 'free'}"


def _packages() -> str:
    version = importlib.metadata.version("lxml")
    if int(version.split(".", maxsplit=1)[0]) < _OLDEST_LXML:
        return f"lxml {version} reads local files named in alerts; install lxml >= {_OLDEST_LXML}"
    return f"lxml {version}, pykka {importlib.metadata.version('pykka')}"
