"""Covering an event's region with fields: chosen in the handler's thread, observed one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from actors.alert_handler.follow_up import Place
from actors.alert_handler.observability import observability
from actors.alert_handler.tile_plan import Limits, TilePlan, TileQuestion, plan_tiles
from actors.alert_handler.waiting import last_begin_utc, why_not_wait
from pyros.actor import Message
from pyros.clock import unix_from_datetime
from pyros.domain.alert.localisation import place_of, separation_deg
from pyros.domain.sequence import duration_s
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from datetime import datetime

    from actors.alert_handler.dispatch import Dispatch
    from actors.alert_handler.events import FollowedEvent
    from pyros.domain.alert.gate import Observability
    from pyros.domain.alert.localisation import Place as SkyPlace
    from pyros.domain.alert.sky_density import SkyDensity
    from pyros.domain.alert.strategy import Strategy
    from pyros.sky.site import Site

_SOON_S = 60.0
_TILING_DEADLINE_S = 30.0
_WIDER = 1.3
"""A region grown or shrunk by less than this is tiled no other way."""


def _begins(place: Place) -> float:
    """When a field is due; what is due at once comes first."""
    return 0.0 if place.begin_utc is None else unix_from_datetime(place.begin_utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiled(Message):
    """The fields of an event's region are chosen."""

    alert_id: str
    tiling: int
    plan: TilePlan
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWork:
    """Tilings of one alert handler.

    Attributes:
        dispatch: The way out.
        site: Where the telescope stands.
    """

    dispatch: Dispatch
    site: Site

    def shape(self, followed: FollowedEvent) -> tuple[float, float, float] | None:
        """Centre and 90 % radius of an event's region, in degrees."""
        facts, best = followed.map_facts, followed.best
        if facts is not None and followed.map_is_best:
            return *facts.peak_deg, (facts.area_deg2 / math.pi) ** 0.5
        if best is None:
            return None
        place = place_of(best, self.dispatch.desk.rules.rules.association.calibration)
        return None if place is None else (place.ra_deg, place.dec_deg, place.r90_deg())

    def seen(self, followed: FollowedEvent, ra_deg: float, dec_deg: float) -> Observability:
        """What the sky says of a place, by the limits of the event's strategy."""
        strategy = followed.strategy
        return observability(
            self.site,
            ra_deg,
            dec_deg,
            self.dispatch.actor.clock.unix_s(),
            min_altitude_deg=0.0 if strategy is None else strategy.min_altitude_deg,
            max_sun_altitude_deg=self.dispatch.settings.max_sun_altitude_deg,
            exposure_s=_SOON_S,
        )

    def why_not_wait(self, followed: FollowedEvent, start_utc: datetime | None, text: str) -> str:
        """Why an event does not wait for its next window; empty when it does.

        Args:
            followed: The event.
            start_utc: When the window opens; None when there is none within a day.
            text: What the sky says.
        """
        strategy = followed.strategy
        if strategy is None or start_utc is None:
            return text
        received_utc = followed.trace.received_utc
        return why_not_wait(self.site, strategy, received_utc, followed.t0_utc, start_utc)

    def _last_utc(self, followed: FollowedEvent, strategy: Strategy) -> datetime:
        return last_begin_utc(self.site, strategy, followed.trace.received_utc, followed.t0_utc)

    def is_wide(self, followed: FollowedEvent) -> bool:
        """Whether the region is larger than a field and the strategy covers such."""
        shape, strategy = self.shape(followed), followed.strategy
        if shape is None or strategy is None or strategy.tiling.max_tiles == 0:
            return False
        return shape[2] > min(self.dispatch.settings.field_deg) / 2

    def why_anew(self, followed: FollowedEvent) -> str:
        """Why a region that was tiled needs another tiling; empty when it does not."""
        before, now = followed.tiled_as, self.shape(followed)
        if before is None or now is None:
            return ""
        apart_deg = separation_deg(before[0], before[1], now[0], now[1])
        ratio = max(now[2], 1e-6) / max(before[2], 1e-6)
        if apart_deg <= before[2] / 2 and 1 / _WIDER < ratio < _WIDER:
            return ""
        return (
            f"the centre moved by {apart_deg:.2f} deg, the radius is {now[2]:.2f} deg "
            f"(was {before[2]:.2f})"
        )

    def begin(self, followed: FollowedEvent, *, again: bool) -> None:
        """Have the region of an event tiled; `Tiled` comes back."""
        shape, strategy = self.shape(followed), followed.strategy
        if shape is None or strategy is None:
            return
        facts, best = followed.map_facts, followed.best
        region: SkyDensity | SkyPlace | None = None
        if facts is not None and followed.map_is_best:
            region = facts.density
        elif best is not None:
            region = place_of(best, self.dispatch.desk.rules.rules.association.calibration)
        if region is None:
            return
        followed.tiling += 1
        followed.tiled_as = shape
        now_utc = self.dispatch.actor.clock.now()
        last_utc = self._last_utc(followed, strategy)
        question = TileQuestion(
            region=region,
            rule=strategy.tiling,
            field_deg=self.dispatch.settings.field_deg,
            limits=Limits(
                site=self.site,
                now_unix_s=unix_from_datetime(now_utc),
                min_altitude_deg=strategy.min_altitude_deg,
                max_sun_altitude_deg=self.dispatch.settings.max_sun_altitude_deg,
                reach_s=max((last_utc - now_utc).total_seconds(), 0.0),
            ),
            visit_s=self._visit_s(followed),
            slew_deg_per_s=self.dispatch.settings.slew_deg_per_s,
            start_deg=followed.pointed or shape[:2],
        )
        self.dispatch.actor.start_task(
            self._plan_tiles(followed, question, again=again), name=f"tiles {followed.alert_id}"
        )

    def _visit_s(self, followed: FollowedEvent) -> float:
        plan = self.dispatch.follow_up(
            followed, Place(ra_deg=0.0, dec_deg=0.0, field="visit"), None
        )
        followed.number -= 1
        return duration_s(plan.sequence, self.dispatch.channel_times) if plan is not None else 60.0

    async def _plan_tiles(
        self, followed: FollowedEvent, question: TileQuestion, *, again: bool
    ) -> None:
        tiling = followed.tiling
        try:
            plan = await self.dispatch.actor.blocking(
                plan_tiles, question, deadline_s=_TILING_DEADLINE_S
            )
        except PyrosError as error:
            plan = TilePlan(tiles=(), text=f"the region cannot be tiled: {error}")
        self.dispatch.actor.ref.tell(
            Tiled(alert_id=followed.alert_id, tiling=tiling, plan=plan, again=again)
        )

    def tiled(self, answer: Tiled) -> None:
        """The fields are there: the first one is observed."""
        followed = self.dispatch.desk.by_id.get(answer.alert_id)
        if followed is None or answer.tiling != followed.tiling or followed.strategy is None:
            return
        self.dispatch.scribe.say(followed, answer.plan.text, {"fields": len(answer.plan.tiles)})
        if not answer.plan.tiles:
            last_utc = self._last_utc(followed, followed.strategy)
            text = f"{answer.plan.text}; {followed.strategy.name} begins nothing after "
            self.dispatch.give_up(followed, f"{text}{last_utc:%d %H:%M} UTC")
            return
        now_utc = self.dispatch.actor.clock.now()
        phase = followed.strategy.phases[max(followed.phase_done, 0)]
        once = tuple(
            Place(
                ra_deg=tile.ra_deg % 360.0,
                dec_deg=tile.dec_deg,
                field=f"field {number}/{len(answer.plan.tiles)}",
                begin_utc=now_utc + timedelta(seconds=tile.begin_s),
            )
            for number, tile in enumerate(answer.plan.tiles, start=1)
        )
        later = tuple(replace(place, begin_utc=None) for place in once)
        followed.fields = once + later * (max(phase.repeats, 1) - 1)
        self.following(followed, again=answer.again)
        self.dispatch.scribe.update(followed)

    def following(self, followed: FollowedEvent, *, again: bool, later: bool = False) -> bool:
        """Send the next field, now or at its next window; whether there was one.

        A field that is not up goes behind the others until its next window, tonight or in a night
        that the strategy carries over to; without such a window it is left out.
        """
        soon_utc = self.dispatch.actor.clock.now() + timedelta(seconds=_SOON_S)
        hidden: list[Place] = []
        while followed.fields:
            place, *left = followed.fields
            followed.fields = tuple(left)
            if place.begin_utc is None or place.begin_utc <= soon_utc:
                seen = self.seen(followed, place.ra_deg, place.dec_deg)
                if not seen.now:
                    why = self.why_not_wait(followed, seen.next_start_utc, seen.text)
                    if why:
                        text = f"{place.field} has set and is left out: {why}"
                        self.dispatch.scribe.say(followed, text, {})
                    else:
                        hidden.append(replace(place, begin_utc=seen.next_start_utc))
                    continue
                place = replace(place, begin_utc=None)
            followed.fields = (*followed.fields, *hidden)
            return self._send(followed, place, again=again, later=later)
        if not hidden:
            return False
        place, *left = sorted(hidden, key=_begins)
        followed.fields = tuple(left)
        return self._send(followed, place, again=again, later=later)

    def _send(self, followed: FollowedEvent, place: Place, *, again: bool, later: bool) -> bool:
        plan = self.dispatch.follow_up(followed, place, place.begin_utc)
        if plan is None:
            followed.fields = ()
            return False
        followed.field_running = place
        self.dispatch.send(followed, plan, again=again, later=later, not_before_utc=place.begin_utc)
        return True
