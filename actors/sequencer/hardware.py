"""What the sequencer asks of one telescope's devices, each ask with its deadline and its failure.

A thin layer of awaits between the plan of steps and the device actors: it turns outcomes
that are not DONE into `StepError`, so that the steps read as a story.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.camera.messages import Expose, ExposureContext, ExposureResult, FrameKind
from actors.device.messages import AbortCommand, Command
from actors.focuser.messages import FocusFor
from pyros.actor import ActorRef, Rejected
from pyros.domain.target import julian_year
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.domain.device import CommandOutcome
    from pyros.domain.target import Target

COMMAND_TIMEOUT_S = 240.0
"""Longer than any command's own deadline, so that the device's explanation arrives first."""


class StepError(PyrosError):
    """A step of a sequence did not reach its end; the text says which device and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """References to the devices of one telescope.

    Attributes:
        telescope: The telescope.
        cameras: Camera of each channel.
        wheels: Filter wheel of each channel that has one.
        focuser: The focuser, None when there is none.
    """

    telescope: ActorRef[Any]
    cameras: Mapping[str, ActorRef[Any]]
    wheels: Mapping[str, ActorRef[Any]]
    focuser: ActorRef[Any] | None

    async def slew(self, target: Target, *, time_utc: datetime, cause: str) -> None:
        """Point where the target stands at an instant, proper motion applied, and track."""
        ra_deg, dec_deg = target.position(julian_year(time_utc))
        await self._command(self.telescope, "slew", {"ra_deg": ra_deg, "dec_deg": dec_deg}, cause)

    async def offset(self, east_arcsec: float, north_arcsec: float, *, cause: str) -> None:
        """Move by a small angle from where the telescope points."""
        args = {"east_arcsec": east_arcsec, "north_arcsec": north_arcsec}
        await self._command(self.telescope, "offset", args, cause)

    async def select_filter(self, channel: str, filter_name: str, *, cause: str) -> None:
        """Put a filter into a channel's beam; nothing to do where there is no wheel."""
        wheel = self.wheels.get(channel)
        if wheel is not None:
            await self._command(wheel, "select", {"filter": filter_name}, cause)

    async def focus_for(self, filter_name: str, *, cause: str) -> None:
        """Go to best focus through a filter; soft images are better than none, so never fatal."""
        if self.focuser is not None:
            await asyncio.gather(
                self.focuser.ask(
                    FocusFor(filter_name=filter_name, cause=cause), timeout_s=COMMAND_TIMEOUT_S
                ),
                return_exceptions=True,
            )

    async def expose(
        self,
        channel: str,
        exposure_s: float,
        kind: FrameKind,
        context: ExposureContext,
        *,
        margin_s: float,
        cause: str,
    ) -> ExposureResult:
        """Take one frame; the result says whether it was cut short."""
        camera = self.cameras.get(channel)
        if camera is None:
            raise StepError(f"there is no camera for channel {channel!r}")
        request = Expose(exposure_s=exposure_s, kind=kind, context=context, cause=cause)
        try:
            result = await camera.ask(request, timeout_s=exposure_s + margin_s)
        except Rejected as refusal:
            raise StepError(f"{channel}: {refusal}") from refusal
        except Exception as error:
            raise StepError(f"{channel}: exposure of {exposure_s:g} s: {error}") from error
        return result

    async def abort_cameras(self, *, cause: str, timeout_s: float) -> None:
        """End all exposures, saving what was exposed; silent cameras are reported by themselves."""
        await asyncio.gather(
            *(
                camera.ask(AbortCommand(cause=cause), timeout_s=timeout_s)
                for camera in self.cameras.values()
            ),
            return_exceptions=True,
        )

    async def stop_telescope(self, *, cause: str) -> None:
        """End a slew that is no longer wanted."""
        await asyncio.gather(
            self.telescope.ask(AbortCommand(cause=cause), timeout_s=20.0), return_exceptions=True
        )

    async def _command(
        self, device: ActorRef[Any], verb: str, args: Mapping[str, float | str], cause: str
    ) -> CommandOutcome:
        try:
            outcome: CommandOutcome = await device.ask(
                Command(verb=verb, args=dict(args), cause=cause), timeout_s=COMMAND_TIMEOUT_S
            )
        except Rejected as refusal:
            raise StepError(f"{device.path}: {verb} refused: {refusal}") from refusal
        except Exception as error:
            raise StepError(f"{device.path}: {verb}: {error}") from error
        if not outcome.done:
            raise StepError(f"{device.path}: {verb} {outcome.status.value}: {outcome.detail}")
        return outcome
