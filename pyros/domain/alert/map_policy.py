"""Which sky maps are fetched from the addresses that notices give, and from where. Pure.

An address in a packet is a wish of whoever wrote the packet: only listed hosts are asked, only by
TLS, whatever the packet says, and a redirect is a new wish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pyros.domain.alert.gate import Decision, GatePolicy, judge
from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pyros.domain.alert.notice import Notice

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ONLY_THE_PLACE = frozenset({"no-position", "no-error", "error-too-large"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class MapRefusedError(PermanentError):
    """A sky map's address is not asked, or what it gives is not taken; trying again is no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPolicy:
    """How sky maps are fetched: `[maps]` of `config/alerts.toml`. Times are wall seconds.

    Attributes:
        hosts: Hosts that are asked, by https, on its usual port. An address with http is asked by
            https too: Fermi's notices write http. None listed: nothing is fetched.
        plain_hosts: Hosts that are asked by http on any port: this machine alone, for tests.
        max_bytes: Largest file.
        timeout_s: Longest that one answer may take, connection included.
        first_retry_s: Wait after the first failure; it doubles with each. Maps appear minutes after
            their notices.
        longest_retry_s: Longest wait between two tries.
        give_up_s: How long a map is tried for.
    """

    hosts: tuple[str, ...] = ()
    plain_hosts: tuple[str, ...] = ()
    max_bytes: int = 8 * 1024 * 1024
    timeout_s: float = 30.0
    first_retry_s: float = 5.0
    longest_retry_s: float = 120.0
    give_up_s: float = 3600.0

    def address(self, url: str) -> str:
        """The address that is asked for a map's address.

        Raises:
            MapRefusedError: When it is none that may be asked; the text says why.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise MapRefusedError(f"sky map {url[:200]!r}: no address: {error}") from error
        if parts.scheme not in _DEFAULT_PORTS or parts.username is not None:
            raise MapRefusedError(f"sky map {url[:200]!r}: only http and https without a login")
        if host in self.plain_hosts and host in LOOPBACK and parts.scheme == "http":
            return url
        if host not in self.hosts:
            listed = ", ".join(self.hosts) or "none"
            raise MapRefusedError(
                f"sky map {url[:200]!r}: host {host[:80]!r} is not among [maps] hosts ({listed})"
            )
        if port not in {None, _DEFAULT_PORTS[parts.scheme]}:
            raise MapRefusedError(f"sky map {url[:200]!r}: port {port} of {host} is not asked")
        return urlunsplit(("https", host, parts.path, parts.query, ""))

    def waits_s(self) -> Iterator[float]:
        """Waits between tries, for as long as a map is tried for."""
        wait_s, total_s = self.first_retry_s, 0.0
        while total_s + wait_s <= self.give_up_s:
            yield wait_s
            total_s += wait_s
            wait_s = min(2.0 * wait_s, self.longest_retry_s)


def names_map(notice: Notice) -> bool:
    """Whether a notice has a map that its judgement does not know: elsewhere, or beside a position.

    A map without a position is read before the notice is judged.
    """
    sky_map = notice.sky_map
    if sky_map is None:
        return False
    return notice.has_position if sky_map.inline else sky_map.url is not None


def wants_map(notice: Notice, now_utc: datetime, policy: GatePolicy) -> bool:
    """Whether a notice's map is worth having: it may act, or lacks nothing but a place.

    A map that belongs to an operator's own test is of another burst, so it is not fetched.
    """
    if not names_map(notice):
        return False
    if notice.retraction or policy.source(notice.source).injected:
        return False
    judgement = judge(notice, now_utc, policy)
    if judgement.decision is Decision.ACCEPTED:
        return True
    return {reason.code for reason in judgement.reasons} <= _ONLY_THE_PLACE
