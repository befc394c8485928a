"""The MQTT topic tree: builds and takes apart `pyros/1/{site}/...` topics.

With `protocols.payloads` and `protocols.device_table` this is all that actors, simulators and the
firmware bridge have in common. Ids are `[a-z0-9-]`; `1` is the version of the schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "pyros/1"
SITE_UNIT = "site"
"""Unit id of what telescopes share: PLC, weather stations, a common dome."""

_ID = re.compile(r"[a-z0-9-]+\Z")


def checked_id(text: str, *, what: str = "id") -> str:
    """`text` when it may stand in a topic.

    Raises:
        ValueError: When it holds anything but lower-case letters, digits and hyphens.
    """
    if not _ID.match(text):
        raise ValueError(f"{what} {text!r} may hold only lower-case letters, digits and hyphens")
    return text


@dataclass(frozen=True, slots=True)
class SiteTopics:
    """Topics of one site."""

    site: str

    @property
    def root(self) -> str:
        """`pyros/1/{site}`."""
        return f"{PREFIX}/{self.site}"

    def bridge_state(self, bridge: str) -> str:
        """Availability of a process that owns devices: retained, last will `lost`."""
        return f"{self.root}/bridge/{bridge}/state"

    def lease(self, unit: str) -> str:
        """PyROS's sign of life for a unit: never retained, renewed every 5 s."""
        return f"{self.root}/{unit}/lease"

    def response(self, client: str) -> str:
        """Where replies to a client's commands arrive."""
        return f"{self.root}/rsp/{client}"

    def alert_in(self) -> str:
        """Where alert packets may be published (VOEvent XML or JSON)."""
        return f"{self.root}/alerts/in"

    def device(self, unit: str, device: str) -> DeviceTopics:
        """Topics of one device."""
        return DeviceTopics(base=f"{self.root}/{unit}/{device}")


@dataclass(frozen=True, slots=True)
class DeviceTopics:
    """Topics of one device."""

    base: str

    @property
    def description(self) -> str:
        """Properties, units, limits, ttl, commands, owning bridge (retained)."""
        return f"{self.base}/desc"

    @property
    def state(self) -> str:
        """Life-cycle and the owning bridge's boot id (retained)."""
        return f"{self.base}/state"

    @property
    def telemetry(self) -> str:
        """Fast batched samples, QoS 0, not retained."""
        return f"{self.base}/tlm"

    @property
    def event(self) -> str:
        """Events such as a finished frame, QoS 1, not retained."""
        return f"{self.base}/evt"

    def prop(self, name: str) -> str:
        """One property (retained)."""
        return f"{self.base}/p/{name}"

    @property
    def props(self) -> str:
        """Filter for all properties."""
        return f"{self.base}/p/+"

    def command(self, verb: str) -> str:
        """One command, never retained."""
        return f"{self.base}/cmd/{verb}"

    @property
    def commands(self) -> str:
        """Filter for all commands."""
        return f"{self.base}/cmd/+"
