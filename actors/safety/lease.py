"""The lease: PyROS's sign of life to each unit, and when to withhold it. Pure.

A dome closes by itself when its lease is twenty seconds old. So a lease that stops is the order
that needs neither broker nor device actor: it stops when PyROS dies, and safety stops it on purpose
for a dome that does not obey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.safety.closure import overdue
from protocols.mqtt import MqttMessage
from protocols.payloads import LeasePayload, encode

if TYPE_CHECKING:
    from actors.safety.closure import Closure
    from actors.safety.settings import SafetySettings
    from protocols.topics import SiteTopics


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Renewals given so far under one boot id."""

    boot: str
    seq: int = 0


def renewed(lease: Lease) -> Lease:
    """The lease after one more renewal."""
    return Lease(boot=lease.boot, seq=lease.seq + 1)


def may_renew(closure: Closure, now_s: float, settings: SafetySettings) -> bool:
    """Whether a unit's lease may be renewed: not while its dome refuses to close."""
    return not overdue(closure, now_s, settings)


def message(
    lease: Lease, *, topics: SiteTopics, unit: str, settings: SafetySettings
) -> MqttMessage:
    """The renewal for one unit: never retained, worthless when it is late."""
    payload = LeasePayload(boot=lease.boot, seq=lease.seq, ttl_s=settings.lease_ttl_s)
    return MqttMessage(
        topic=topics.lease(unit),
        payload=encode(payload),
        qos=0,
        retain=False,
        expiry_s=max(1, int(settings.lease_period_s)),
    )
