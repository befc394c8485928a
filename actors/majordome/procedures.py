"""How one telescope is opened and put away: orders of asks, each verified by its device.

Opening stops at the first step that fails; putting away never stops: every step is tried, the dome
first, and what failed is told together.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.device.messages import Command
from pyros.actor import Rejected

if TYPE_CHECKING:
    from pyros.actor import ActorRef

COMMAND_TIMEOUT_S = 240.0
"""Longer than any command's own deadline, so that the device's explanation arrives first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelter:
    """What must be open to observe: the dome and the telescope with its cover."""

    dome: ActorRef[Any]
    telescope: ActorRef[Any]


async def open_up(shelter: Shelter, *, cause: str) -> str | None:
    """Unpark, open the dome, open the cover; None when all is verified, else what failed."""
    for device, verb in (
        (shelter.telescope, "unpark"),
        (shelter.dome, "open"),
        (shelter.telescope, "open_cover"),
    ):
        failure = await order(device, verb, cause=cause)
        if failure is not None:
            return failure
    return None


async def put_away(shelter: Shelter, *, cause: str) -> str | None:
    """Close dome and cover, then park; None when all is verified, else everything that failed.

    Cover and park share the telescope's mount controller, so they follow one another.
    """

    async def telescope() -> list[str | None]:
        return [
            await order(shelter.telescope, verb, cause=cause) for verb in ("close_cover", "park")
        ]

    dome_failure, telescope_failures = await asyncio.gather(
        order(shelter.dome, "close", cause=cause), telescope()
    )
    failures = [text for text in (dome_failure, *telescope_failures) if text is not None]
    return "; ".join(failures) or None


async def order(device: ActorRef[Any], verb: str, *, cause: str) -> str | None:
    """One verified command; None when done, else device, verb and reason."""
    try:
        outcome = await device.ask(
            Command(verb=verb, args={}, cause=cause), timeout_s=COMMAND_TIMEOUT_S
        )
    except Rejected as refusal:
        return f"{device.path}: {verb} refused: {refusal}"
    except Exception as error:  # noqa: BLE001  (whatever happened, the reason is wanted)
        return f"{device.path}: {verb}: {error}"
    return None if outcome.done else f"{device.path}: {verb} {outcome.status}: {outcome.detail}"
