"""Who may connect to a VTP server, and how many at once."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """Limits of a server.

    Attributes:
        networks: Networks whose addresses may connect ("127.0.0.0/8", "10.1.0.0/16").
        per_address: Most connections of one address.
        total: Most connections.
    """

    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    per_address: int = 4
    total: int = 64


class Admission:
    """Counts connections and says who may come in.

    Args:
        policy: The limits.
    """

    def __init__(self, policy: AdmissionPolicy) -> None:
        self._policy = policy
        self._networks = tuple(ipaddress.ip_network(text) for text in policy.networks)
        self._open: Counter[str] = Counter()

    def refusal(self, address: str) -> str | None:
        """Why an address may not connect now, or None when it may."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return f"{address} is no address"
        if not any(parsed in network for network in self._networks):
            return f"{address} is in none of the allowed networks"
        if self._open[address] >= self._policy.per_address:
            return f"{address} has {self._open[address]} connections, the limit"
        if self._open.total() >= self._policy.total:
            return f"{self._open.total()} connections are open, the limit"
        return None

    def enter(self, address: str) -> None:
        """Count a connection."""
        self._open[address] += 1

    def leave(self, address: str) -> None:
        """Forget a connection."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]
