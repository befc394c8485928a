"""The safety actor: judges whether the observatory may be open, and closes it when it may not.

It is the first actor to start and the last to stop, and awaits nobody: whoever is dead, it judges
by what it has last heard and by how long ago that was, tells domes and telescopes itself, and
repeats until telemetry shows them closed. Without a broker its last means, the lease, stops too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from actors.device.messages import DeviceStatus
from actors.device.readings import good_text
from actors.dome.messages import CloseNow
from actors.journal.messages import JournalEntry
from actors.safety import closure, lease
from actors.safety.closure import Closure
from actors.safety.interlocks import Facts, Memory, judge
from actors.safety.messages import (
    CloseOrder,
    Consent,
    GetVerdict,
    LockClosed,
    MayOpen,
    SafetyVerdict,
)
from actors.telescope.messages import MakeTelescopeSafe
from actors.weather_verdict.messages import WeatherVerdict
from protocols.mqtt.session import MqttSession, Publish
from pyros.actor import Actor, Message
from pyros.domain.device import USABLE, DeviceKind
from pyros.domain.verdict import Reason, Safety, Verdict
from pyros.sky.bodies import sun_altaz

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.journal.messages import JournalKind, Severity
    from actors.safety.settings import SafetySettings
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef
    from pyros.sky.site import Site

_WATCHED = frozenset({DeviceKind.PLC, DeviceKind.DOME, DeviceKind.TELESCOPE})
_SUN_NEAR_S, _SUN_FAR_S = 5.0, 60.0
"""The Sun moves a fiftieth, or a quarter, of a degree meanwhile."""
_SUN_NEAR_DEG = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look(Message):
    """To itself: time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renew(Message):
    """To itself: renew the leases."""


class SafetyActor(Actor):
    """Safety of one site.

    Args:
        topics: The site's MQTT topics.
        site: Where it is, for the Sun.
        settings: Limits, hold-offs, patience.
        mqtt: The site's MQTT session, for the lease.
        domes: Per unit, the dome's actor; a common dome under `site`.
        telescopes: Per unit, the telescope's actor.
    """

    def __init__(
        self,
        *,
        topics: SiteTopics,
        site: Site,
        settings: SafetySettings,
        mqtt: ActorRef[MqttSession],
        domes: Mapping[str, ActorRef[Actor]],
        telescopes: Mapping[str, ActorRef[Actor]],
    ) -> None:
        super().__init__()
        self._topics = topics
        self._site = site
        self._settings = settings
        self._mqtt = mqtt
        self._domes = dict(domes)
        self._telescopes = dict(telescopes)
        self._memory = Memory()
        self._weather: tuple[Verdict, float] | None = None
        self._plc: tuple[DeviceStatus, float] | None = None
        self._dome_words: dict[str, tuple[DeviceStatus, float]] = {}
        self._closures: dict[str, Closure] = {unit: Closure() for unit in domes}
        self._made_safe: set[str] = set()
        self._lock = ""
        self._sun: tuple[float, float] = (math.nan, -math.inf)
        self._verdict: Verdict | None = None
        self._told: tuple[object, ...] = ()
        self._said_s = -math.inf

    async def on_start(self) -> None:
        """Begin UNKNOWN: closed until enough is known for long enough."""
        clock, settings = self.clock, self._settings
        self._slack_s = clock.wall_to_loop_s(settings.slack_s)
        self._lease = lease.Lease(boot=f"{int(clock.unix_s()):x}-{self.incarnation}")
        self.subscribe(WeatherVerdict)
        self.subscribe(DeviceStatus, only=lambda said: said.kind in _WATCHED)
        self.every(settings.reorder_s, _Look())
        self.every(clock.wall_to_loop_s(settings.lease_period_s), _Renew(), initial_delay_s=0.0)
        self._judge()

    async def on_receive(self, message: Message) -> Any:
        """Judge anew whenever something is heard or time has passed."""
        match message:
            case WeatherVerdict(verdict=verdict):
                self._weather = (verdict, self.clock.monotonic_s())
                self._judge()
            case DeviceStatus(kind=DeviceKind.PLC):
                self._plc = (message, self.clock.monotonic_s())
                self._judge()
            case DeviceStatus(kind=DeviceKind.DOME, unit=unit):
                self._dome_words[unit] = (message, self.clock.monotonic_s())
                self._see_domes()
            case DeviceStatus(kind=DeviceKind.TELESCOPE, unit=unit, state=state):
                if state in USABLE and self._memory.safety is not Safety.SAFE:
                    self._make_telescope_safe(unit)
            case DeviceStatus():
                pass
            case _Look():
                self._judge()
            case _Renew():
                self._renew_leases()
            case MayOpen(unit=unit):
                return self._may_open(unit)
            case GetVerdict():
                return SafetyVerdict(verdict=self._judge())
            case LockClosed():
                return self._lock_closed(message)
            case _:
                return await super().on_receive(message)
        return None

    # --- the verdict ---------------------------------------------------------------------------

    def _judge(self) -> Verdict:
        """Form the verdict, tell it when it is news or old, and see that the domes obey."""
        was = self._memory.safety
        self._memory, verdict = judge(
            self._memory, self._facts(), self._settings, slack_s=self._slack_s
        )
        old, self._verdict = self._verdict, verdict
        now_s = self.clock.monotonic_s()
        news = old is None or _gist(old) != _gist(verdict)
        story = self._story(verdict)
        if story != self._told:
            self._told = story
            self._note_verdict(verdict)
        if news or now_s - self._said_s >= self._settings.publish_period_s - 0.5:
            self._said_s = now_s
            self.publish(SafetyVerdict(verdict=verdict))
        if verdict.safety is Safety.SAFE:
            self._made_safe.clear()
        elif was is Safety.SAFE or old is None:
            self._order_everything(verdict.reasons)
        self._see_domes()
        return verdict

    def _facts(self) -> Facts:
        now_s = self.clock.monotonic_s()
        off_deg = abs(self._sun[0] - self._settings.sun_open_below_deg)
        period_s = _SUN_FAR_S if off_deg > _SUN_NEAR_DEG else _SUN_NEAR_S
        if now_s - self._sun[1] >= period_s:
            self._sun = (sun_altaz(self._site, self.clock.unix_s())[0], now_s)
        weather, weather_s = self._weather or (None, now_s)
        plc, plc_s = self._plc or (None, now_s)
        return Facts(
            now_s=self.clock.unix_s(),
            weather=weather,
            weather_age_s=now_s - weather_s,
            plc=plc,
            plc_age_s=now_s - plc_s,
            sun_altitude_deg=self._sun[0],
            lock=self._lock,
        )

    def _may_open(self, unit: str) -> Consent:
        verdict = self._judge()
        if unit not in self._domes:
            known = ", ".join(sorted(self._domes)) or "none"
            text = f"safety watches no dome of {unit!r}; known: {known}"
            return Consent(granted=False, reasons=(Reason(code="UNIT", text=text),))
        return Consent(granted=verdict.safety is Safety.SAFE, reasons=verdict.reasons)

    def _lock_closed(self, order: LockClosed) -> SafetyVerdict:
        self._lock = f"{order.who}: {order.why}" if order.locked else ""
        done = "keeps everything closed" if order.locked else "lifts the lock"
        self._note(
            f"{order.who} {done}: {order.why}",
            "notice",
            kind="operator",
            who=order.who,
            locked=order.locked,
        )
        return SafetyVerdict(verdict=self._judge())

    # --- closing -------------------------------------------------------------------------------

    def _order_everything(self, reasons: tuple[Reason, ...]) -> None:
        self.publish(CloseOrder(reasons=reasons))
        for unit in self._telescopes:
            self._make_telescope_safe(unit)

    def _make_telescope_safe(self, unit: str) -> None:
        """Once per unsafe time, for it may be used in a closed dome; later too if it comes late."""
        telescope = self._telescopes.get(unit)
        if telescope is None or unit in self._made_safe or not telescope.is_alive():
            return
        self._made_safe.add(unit)
        telescope.tell(MakeTelescopeSafe(cause=_because(self._reasons())))

    def _reasons(self) -> tuple[Reason, ...]:
        return () if self._verdict is None else self._verdict.reasons

    def _see_domes(self) -> None:
        """Order domes that must be closed and are not seen closed; tell when they do not obey."""
        verdict = self._verdict
        must_close = verdict is None or verdict.safety is not Safety.SAFE
        now_s = self.clock.monotonic_s()
        for unit, dome in self._domes.items():
            shutter, answers = self._shutter(unit, now_s)
            before = self._closures[unit]
            self._closures[unit], acts = closure.follow_up(
                before,
                must_close=must_close,
                seen_closed=shutter == "closed",
                answers=answers,
                now_s=now_s,
                settings=self._settings,
            )
            for act in acts:
                match act:
                    case "order":
                        if dome.is_alive():
                            dome.tell(CloseNow(cause=_because(self._reasons())))
                    case "alarm":
                        after_s = now_s - (before.first_s or now_s)
                        text = (
                            f"dome of {unit} is not seen closed {after_s:.0f} s after the order "
                            f"(shutter: {shutter or 'unknown'}); its lease is withheld, see to it"
                        )
                        self._note(text, "alarm", kind="alarm", unit=unit)
                    case "relief":
                        self._note(f"dome of {unit} is closed after all", "notice", unit=unit)
                    case _:
                        assert_never(act)

    def _shutter(self, unit: str, now_s: float) -> tuple[str | None, bool]:
        """What is freshly known of a dome's shutter, and whether the dome is heard at all."""
        word = self._dome_words.get(unit)
        if word is None:
            return None, False
        status, heard_s = word
        if now_s - heard_s > self._settings.dome_age_s + self._slack_s:
            return None, False
        return good_text(status.readings, "shutter"), status.state in USABLE

    def _renew_leases(self) -> None:
        self._lease = lease.renewed(self._lease)
        now_s = self.clock.monotonic_s()
        for unit in self._domes:
            if lease.may_renew(self._closures[unit], now_s, self._settings):
                renewal = lease.message(
                    self._lease, topics=self._topics, unit=unit, settings=self._settings
                )
                self._mqtt.tell(Publish(message=renewal))

    # --- the journal ---------------------------------------------------------------------------

    def _story(self, verdict: Verdict) -> tuple[object, ...]:
        """What is worth a line: the weather tells its own changes while it is bad."""
        weather = () if self._weather is None else self._weather[0].reasons
        own = tuple(reason.code for reason in verdict.reasons if reason not in weather)
        return (verdict.safety, own, bool(weather))

    def _note_verdict(self, verdict: Verdict) -> None:
        reasons = "; ".join(reason.text for reason in verdict.reasons)
        self._note(
            f"safety {verdict.safety}" + (f": {reasons}" if reasons else ""),
            "info" if verdict.safety is Safety.SAFE else "notice",
            safety=str(verdict.safety),
            codes=[reason.code for reason in verdict.reasons],
            safe_after_utc=None
            if verdict.safe_after_utc is None
            else verdict.safe_after_utc.isoformat(),
        )

    def _note(
        self,
        text: str,
        severity: Severity,
        *,
        kind: JournalKind = "decision",
        who: str = "",
        **data: object,
    ) -> None:
        self.publish(
            JournalEntry(
                kind=kind,
                subject=self.path,
                text=text,
                time_utc=self.clock.now(),
                data=data,
                severity=severity,
                who=who or self.path,
            )
        )


def _because(reasons: tuple[Reason, ...]) -> str:
    return "; ".join(reason.text for reason in reasons) or "safety is not known"


def _gist(verdict: Verdict) -> tuple[object, ...]:
    """What makes two verdicts the same to a listener: not their numbers, nor who is worst now."""
    codes = tuple(reason.code for reason in verdict.reasons)
    return (verdict.safety, codes, verdict.safe_after_utc)
