"""What people ask of the alert handler: test alerts, events by hand, stops, other strategies.

Everything is journalled with who and why. Packets made here take the way of all packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.alert_handler.templates import place_in_view
from actors.journal.messages import JournalEntry
from protocols.hand_notice import write_hand_notice
from pyros.actor import Rejected
from pyros.domain.alert.event import TRANSITIONS, EventState
from pyros.domain.alert.strategy import StrategyError
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from actors.alert_handler.campaign import Campaign
    from actors.alert_handler.events import EventDesk, FollowedEvent
    from actors.alert_handler.messages import (
        ChangeFollowUp,
        ChangeStrategies,
        InjectTestAlert,
        NoteByHand,
        StopFollowUp,
        SwitchStrategy,
    )
    from actors.alert_handler.scribe import Scribe
    from actors.alert_handler.templates import AlertTemplates
    from pyros.actor import Actor
    from pyros.sky.site import Site

_SERIALS = 900_000


@dataclass(slots=True, kw_only=True)
class People:
    """Carries out what people ask.

    Attributes:
        actor: The handler: lends clock, random stream and the right to publish.
        desk: The events being followed.
        campaign: Their follow-ups.
        scribe: Who writes down.
        templates: What test alerts are made of.
        site: Where the telescope stands.
    """

    actor: Actor
    desk: EventDesk
    campaign: Campaign
    scribe: Scribe
    templates: AlertTemplates
    site: Site
    _made: int = 0

    def test_alert(self, order: InjectTestAlert) -> bytes:
        """The packet of a test alert.

        Raises:
            Rejected: When there is no such kind.
        """
        now_s = self.actor.clock.unix_s()
        ra_deg, dec_deg = place_in_view(self.site, now_s, self.actor.rng)
        if order.ra_deg is not None and order.dec_deg is not None:
            ra_deg, dec_deg = order.ra_deg, order.dec_deg
        raw = self.templates.build(
            order.kind,
            time_utc=self.actor.clock.now(),
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            serial=self._serial(),
        )
        text = f"test alert {order.kind} injected by {order.who}: {order.why}"
        self._journal(text, order.who, {"kind": order.kind, "why": order.why})
        return raw

    def notice_by_hand(self, order: NoteByHand) -> bytes:
        """The packet of a notice by hand.

        Raises:
            Rejected: When its event is unknown, or its numbers are impossible.
        """
        wrong = _impossible(order)
        if wrong:
            raise Rejected(wrong)
        now_utc = self.actor.clock.now()
        notice_id = f"hand:{now_utc:%y%m%dT%H%M%S}-{self._serial()}"
        event_id, t0_utc = notice_id, order.t0_utc
        classification = order.classification
        cites: tuple[str, ...] = ()
        if order.alert_id is not None:
            event = self.desk.book.event(order.alert_id)
            if event is None:
                raise Rejected(f"there is no event {order.alert_id!r} that can still be corrected")
            event_id = event.key
            cites = tuple(notice.notice_id for notice in event.notices[-50:])
            t0_utc = t0_utc or event.t0_utc
            classification = classification or next(
                (one.classification for one in reversed(event.notices) if one.classification), None
            )
        if t0_utc is None:
            raise Rejected("when did it burst? give t0_utc")
        raw = write_hand_notice(
            notice_id=notice_id,
            event_id=event_id,
            t0_utc=t0_utc,
            written_utc=now_utc,
            ra_deg=order.ra_deg % 360.0,
            dec_deg=order.dec_deg,
            error_deg=order.error_deg,
            classification=classification or "GRB",
            who=order.who,
            why=order.why,
            cites=cites,
        )
        what = f"corrected {order.alert_id}" if order.alert_id else "entered a burst"
        text = (
            f"{order.who} {what}: RA {order.ra_deg:.5f} Dec {order.dec_deg:+.5f} "
            f"+- {order.error_deg:.5f} deg: {order.why}"
        )
        self._journal(text, order.who, {"alert": order.alert_id, "why": order.why})
        return raw

    async def stop(self, order: StopFollowUp) -> str:
        """End an event's follow-up for good.

        Raises:
            Rejected: When there is nothing to end.
        """
        followed, state = self._followed(order.alert_id)
        if EventState.CLOSED not in TRANSITIONS[state]:
            raise Rejected(f"{order.alert_id} is {state}; there is nothing to stop")
        reason = f"stopped by {order.who}: {order.why}"
        self._journal(f"{order.alert_id} {reason}", order.who, {"alert": order.alert_id})
        followed.reasons = (*followed.reasons, reason)
        self.campaign.stop(followed, reason)
        self.desk.step(order.alert_id, EventState.CLOSED, self.actor.clock.now(), reason)
        self.scribe.update(followed)
        await self.scribe.put(followed)
        return f"{order.alert_id} is not followed up any more"

    async def follow_otherwise(self, order: ChangeFollowUp) -> str:
        """Follow an event up by another strategy.

        Raises:
            Rejected: When event or strategy is unknown, or the event is over.
        """
        followed, state = self._followed(order.alert_id)
        try:
            strategy = self.desk.rules.rules.book.named(order.strategy)
        except StrategyError as error:
            raise Rejected(str(error)) from error
        if EventState.OBSERVING not in (state, *TRANSITIONS[state]):
            raise Rejected(f"{order.alert_id} is {state}; it cannot be followed up")
        text = f"{order.alert_id} by {strategy.name} instead, asked by {order.who}: {order.why}"
        self._journal(text, order.who, {"alert": order.alert_id, "strategy": strategy.name})
        followed.reasons = (*followed.reasons, text)
        followed.strategy = strategy
        followed.strategy_by_hand = True
        self.campaign.follow_anew(followed)
        self.scribe.update(followed)
        await self.scribe.put(followed)
        return text

    def switch(self, order: SwitchStrategy) -> str:
        """Make another strategy the default.

        Raises:
            Rejected: When there is none of that name.
        """
        rules = self.desk.rules
        try:
            text = rules.back_to_files() if order.name is None else rules.switch(order.name)
        except ConfigurationError as error:
            raise Rejected(str(error)) from error
        self._journal(f"{text} (by {order.who}: {order.why})", order.who, {"default": order.name})
        return text

    def change_strategies(self, order: ChangeStrategies) -> str:
        """Take a science centre's change of strategies.

        Raises:
            Rejected: When it makes no sense; nothing is changed.
        """
        try:
            text = self.desk.rules.change(order.raw)
        except ConfigurationError as error:
            self._journal(f"{order.origin} is refused: {error}", order.origin, {})
            raise Rejected(str(error)) from error
        self._journal(f"{text} (by {order.origin})", order.origin, {})
        return text

    def _followed(self, alert_id: str) -> tuple[FollowedEvent, EventState]:
        followed = self.desk.by_id.get(alert_id)
        if followed is None:
            raise Rejected(f"there is no event {alert_id!r}")
        return followed, self.desk.event_state(alert_id)

    def _serial(self) -> int:
        """Unique over restarts without a memory: the second, and a counter within this run."""
        self._made += 1
        return (int(self.actor.clock.unix_s()) + self._made) % _SERIALS

    def _journal(self, text: str, who: str, data: dict[str, object]) -> None:
        self.actor.publish(
            JournalEntry(
                kind="operator",
                subject=self.actor.path,
                text=text,
                time_utc=self.actor.clock.now(),
                data=data,
                severity="notice",
                who=who,
            )
        )


def _impossible(order: NoteByHand) -> str:
    if not -90.0 <= order.dec_deg <= 90.0 or not -360.0 <= order.ra_deg <= 360.0:
        return f"RA {order.ra_deg} Dec {order.dec_deg} is not on the sky; give ICRS degrees"
    if not 0.0 < order.error_deg <= 90.0:
        return f"error_deg = {order.error_deg}; give the radius that holds 90 %, 0 to 90 degrees"
    return ""
