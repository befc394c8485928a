"""What a dome actor obeys beside what every device does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyros.actor import Lane, Message

SLIT_ALIGNED = "slit_aligned"
"""Reading a dome actor adds to its status: true while the telescope looks out through the slit.

Before a light frame: `good_flag(dome_status.readings, SLIT_ALIGNED) is True`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseNow(Message):
    """From safety: close, whatever runs or waits; verified by the dome's telemetry.

    Told again every ten seconds until the dome is seen closed; a running close goes on.
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    interrupts: ClassVar[bool] = True
    cause: str
