"""The act gate: whether a notice may move the telescope, with every reason in words and numbers.

`actionable` looks at the notice alone. `judge` adds what only the observatory knows: who brought
it, how old it is now and whether the place can be seen. Rules: the reference algorithm of the alert
front end (explicit role, allowed types, no test mark, burst class, real position with a real
error, age).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pyros.domain.alert.notice import OBSERVATION, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DAY_S = 86_400.0


class Trust(StrEnum):
    """What the notices of a source may do."""

    ACT = "act"  # move the telescope
    LOG = "log"  # be stored and shown


class Decision(StrEnum):
    """What becomes of a notice."""

    ACCEPTED = "accepted"  # observe now
    DEFERRED = "deferred"  # observe when it is visible
    RETRACTION = "retraction"  # take back what it cites
    IGNORED = "ignored"
    HELD = "held"  # an operator must decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason of a decision: a code to count by and a sentence to read."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A decision with all its reasons, and when a deferred one becomes visible."""

    decision: Decision
    reasons: tuple[Reason, ...]
    not_before_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePolicy:
    """How far a source is trusted. Trust belongs to the source, never to the ivorn.

    Attributes:
        trust: What its notices may do.
        authorities: Authorities it may speak for ("nasa.gsfc.gcn", "org.svom/fsc"); "*" for any.
        injected: Whether its alerts are an operator's own tests, which act as real ones.
        max_triggers_per_hour: More new events than this are held for an operator.
        max_notices_per_event: More notices of one burst than this (retractions: twice as many) are
            stored and listed, and change nothing.
    """

    trust: Trust = Trust.LOG
    authorities: tuple[str, ...] = ()
    injected: bool = False
    max_triggers_per_hour: int = 20
    max_notices_per_event: int = 200

    def speaks_for(self, authority: str) -> bool:
        """Whether the source may speak for an authority or for one above it."""
        return any(
            entry in ("*", authority) or authority.startswith(entry + "/")
            for entry in (name.lower().strip("/") for name in self.authorities)
        )


DEFAULT_ACT_TYPES: Mapping[str, tuple[int | str, ...]] = {
    "swift-bat": (61, 97, "initial", "update"),
    "swift-xrt": (67, "initial", "update"),
    "swift-uvot": (81, "initial", "update"),
    "swift-guano": ("initial", "update"),
    "fermi-gbm": (111, 112, 115, "initial", "update"),
    "fermi-lat": (120, 121, 127, 128),
    "svom-grm": (201, "initial", "update"),
    "svom-eclairs": (202, 204, 205, "initial", "update"),
    "svom-mxt": (209, 210, "initial", "update"),
    "svom-vt": (211, "initial", "update"),
    "ep-wxt": ("initial", "update", "none"),
    "gecam": (188, 189, "initial", "update"),
    "integral": (53, 54, 55),
    "icecube-gold": (173, "initial", "update"),
    "icecube-bronze": (174, "initial", "update"),
    "icecube-cascade": (176, "initial", "update"),
    "superk": (175, "initial", "update"),
    "operator": ("initial", "update"),
    "lvk": (150, 151, 152, 163, "EARLYWARNING", "PRELIMINARY", "INITIAL", "UPDATE"),
}
"""Packet types that may act, by stream; "none" stands for a notice without a type."""

DEFAULT_CLASSES = ("GRB", "X_RAY_TRANSIENT", "NEUTRINO", "GW", "SUPERNOVA_NEUTRINOS")
"""Classes that may act."""

DEFAULT_BLOCKING_FLAGS = ("lost_lock", "def_not_a_grb", "in_catalogue", "crc_error")
"""Flags that keep any notice from acting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """The act gate's rules; the defaults are the shipped ones of `config/alerts.toml`.

    Attributes:
        act_types: Packet types that may act, by stream.
        classes: Classes that may act.
        blocking_flags: Flags that keep a notice from acting.
        min_significance: Least value of a figure of merit, by stream and name; absent figures pass.
        max_far_hz: Largest false alarm rate that may act, by stream.
        max_error_deg: Largest error radius that may act, in degrees.
        max_age_s: Largest age since T0 at which anything is still started, in seconds, by class;
            "default" for the others.
        future_tolerance_s: How far T0 may be ahead of our clock, in seconds.
        sources: Trust by source name; a source that is not listed may only be logged.
    """

    act_types: Mapping[str, tuple[int | str, ...]] = field(
        default_factory=lambda: dict(DEFAULT_ACT_TYPES)
    )
    classes: tuple[str, ...] = DEFAULT_CLASSES
    blocking_flags: tuple[str, ...] = DEFAULT_BLOCKING_FLAGS
    min_significance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    max_far_hz: Mapping[str, float] = field(default_factory=lambda: {"lvk": 3.8e-7})
    max_error_deg: float = 30.0
    max_age_s: Mapping[str, float] = field(
        default_factory=lambda: {"default": _DAY_S, "GW": 3 * _DAY_S, "NEUTRINO": 2 * _DAY_S}
    )
    future_tolerance_s: float = 60.0
    sources: Mapping[str, SourcePolicy] = field(default_factory=dict)

    def source(self, name: str) -> SourcePolicy:
        """The policy of a source; a stranger may only be logged."""
        return self.sources.get(name, SourcePolicy())

    def age_limit_s(self, classification: str | None) -> float:
        """The age limit of a class, in seconds."""
        return self.max_age_s.get(
            classification or "default", self.max_age_s.get("default", _DAY_S)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observability:
    """Whether a place can be observed, as the sky engine and the observatory's state say.

    Attributes:
        now: Whether it can be observed now.
        text: Why or why not, with numbers ("altitude 12 deg, limit 20 deg; rises at 02:10 UTC").
        next_start_utc: Start of its next window, or None when there is none in reach.
    """

    now: bool
    text: str
    next_start_utc: datetime | None = None


def actionable(
    notice: Notice, policy: GatePolicy | None = None, *, tests_act: bool = False
) -> tuple[bool, tuple[Reason, ...]]:
    """Whether a notice by itself may act, whoever brought it and whenever.

    Args:
        notice: The notice.
        policy: The rules; the shipped ones when None.
        tests_act: Whether test marks are waived (an operator's own injected alerts).

    Returns:
        The verdict and all reasons against it, or the one reason for it.
    """
    policy = policy or GatePolicy()
    against = [
        *_marks(notice, tests_act=tests_act),
        *_kind(notice, policy),
        *_place(notice, policy),
    ]
    if against:
        return False, tuple(against)
    return True, (Reason(code="may-act", text=_merits(notice)),)


def judge(
    notice: Notice,
    now_utc: datetime,
    policy: GatePolicy,
    observability: Observability | Callable[[Notice], Observability] | None = None,
) -> Judgement:
    """Decide what becomes of a notice.

    Args:
        notice: The notice.
        now_utc: The observatory's time, aware UTC.
        policy: The rules.
        observability: What the sky says of its position, or who to ask; asked only when all else
            passes. None means that it does not matter yet.

    Returns:
        The decision with every reason.
    """
    source = policy.source(notice.source)
    trusted = _trust(notice, source)
    if notice.retraction and not trusted and (not notice.test or source.injected):
        cited = ", ".join(c.ivorn for c in notice.cites[:5]) or f"event {notice.event_id}"
        return Judgement(
            decision=Decision.RETRACTION,
            reasons=(Reason(code="retraction", text=f"retracts {cited}"),),
        )
    _, reasons = actionable(notice, policy, tests_act=source.injected)
    against = [r for r in reasons if r.code != "may-act"]
    against += trusted
    against += _age(notice, now_utc, policy)
    if against:
        return Judgement(decision=Decision.IGNORED, reasons=tuple(against))
    seen = observability(notice) if callable(observability) else observability
    if seen is None or seen.now:
        for_it = (*reasons, *((Reason(code="observable", text=seen.text),) if seen else ()))
        return Judgement(decision=Decision.ACCEPTED, reasons=for_it)
    return _later(notice, policy, seen)


def _later(notice: Notice, policy: GatePolicy, seen: Observability) -> Judgement:
    """Defer to the next window when the burst is not too old by then."""
    limit_s = policy.age_limit_s(notice.classification)
    hidden = Reason(code="not-observable-now", text=seen.text)
    if seen.next_start_utc is None or notice.t0_utc is None:
        never = Reason(code="never-observable", text="no window within the age limit")
        return Judgement(decision=Decision.IGNORED, reasons=(hidden, never))
    age_s = (seen.next_start_utc - notice.t0_utc).total_seconds()
    if age_s > limit_s:
        text = f"{age_s / 3600:.1f} h old at its next window, limit {limit_s / 3600:.1f} h"
        return Judgement(
            decision=Decision.IGNORED,
            reasons=(hidden, Reason(code="too-old-when-visible", text=text)),
        )
    return Judgement(
        decision=Decision.DEFERRED, reasons=(hidden,), not_before_utc=seen.next_start_utc
    )


def _marks(notice: Notice, *, tests_act: bool) -> list[Reason]:
    """Reasons in how the notice calls itself."""
    against: list[Reason] = []
    if notice.role is None:
        against.append(
            Reason(
                code="role-missing",
                text="role is not stated; the standard's default is not trusted",
            )
        )
    elif notice.role != OBSERVATION and not (tests_act and notice.role == "test"):
        against.append(Reason(code="role", text=f"role is {notice.role}, not observation"))
    if notice.test and not tests_act:
        against.append(Reason(code="test", text=f"marked as a test ({notice.packet_name})"))
    if notice.retraction:
        against.append(Reason(code="retraction", text="takes a notice back; it has no position"))
    if notice.tense != "current" and not (tests_act and notice.tense == "test"):
        against.append(Reason(code="tense", text=f"tense is {notice.tense}, not current"))
    against += [Reason(code="contradictory", text=conflict) for conflict in notice.conflicts]
    return against


def _kind(notice: Notice, policy: GatePolicy) -> list[Reason]:
    """Reasons in the packet's type, class and figures."""
    against: list[Reason] = []
    allowed = policy.act_types.get(notice.stream, ())
    kind = "none" if notice.packet_type is None else notice.packet_type
    if kind not in allowed:
        text = f"{notice.packet_name} ({notice.stream} type {kind}) never triggers"
        against.append(Reason(code="type", text=text))
    if notice.classification not in policy.classes:
        stated = notice.classification or "not stated"
        text = f"class is {stated}; acted on: {', '.join(policy.classes)}"
        against.append(Reason(code="class", text=text))
    against += [
        Reason(code=flag.replace("_", "-"), text=f"the packet says {flag.replace('_', ' ')}")
        for flag in notice.flags
        if flag in policy.blocking_flags
    ]
    for name, least in policy.min_significance.get(notice.stream, {}).items():
        value = notice.significance.get(name)
        if value is not None and value < least:
            text = f"{name} is {value:g}, at least {least:g} is acted on"
            against.append(Reason(code="significance", text=text))
    far_hz, limit_hz = notice.significance.get("far_hz"), policy.max_far_hz.get(notice.stream)
    if far_hz is not None and limit_hz is not None and far_hz > limit_hz:
        text = f"false alarm rate {far_hz:.2e} Hz, at most {limit_hz:.2e} Hz is acted on"
        against.append(Reason(code="false-alarm-rate", text=text))
    return against


def _place(notice: Notice, policy: GatePolicy) -> list[Reason]:
    """Reasons in the localisation."""
    if notice.sky_map is not None and notice.sky_map.inline and not notice.has_position:
        return []
    if not notice.has_position:
        by_url = notice.sky_map is not None and notice.sky_map.url is not None
        text = "no position; its sky map is elsewhere" if by_url else "no position"
        return [Reason(code="no-position", text=text)]
    if notice.pointing:
        return [Reason(code="pointing", text="the position is where the spacecraft looks")]
    if notice.error_deg is None:
        return [
            Reason(code="no-error", text="the position has no error radius, so it means nothing")
        ]
    if notice.error_deg > policy.max_error_deg:
        text = f"error radius {notice.error_deg:.2f} deg, at most {policy.max_error_deg:g} deg"
        return [Reason(code="error-too-large", text=text)]
    return []


def _trust(notice: Notice, source: SourcePolicy) -> list[Reason]:
    """Reasons in who brought it."""
    if source.trust is not Trust.ACT:
        return [Reason(code="source-logs-only", text=f"source {notice.source} may only be logged")]
    if not source.speaks_for(notice.authority):
        text = f"source {notice.source} may not speak for {notice.authority}"
        return [Reason(code="spoofed-authority", text=text)]
    return []


def _age(notice: Notice, now_utc: datetime, policy: GatePolicy) -> list[Reason]:
    """Reasons in the time of the burst."""
    if notice.t0_utc is None:
        return [Reason(code="no-time", text="no time of the event, so its age is unknown")]
    age_s = (now_utc - notice.t0_utc).total_seconds()
    if notice.t0_utc - now_utc > timedelta(seconds=policy.future_tolerance_s):
        return [Reason(code="in-the-future", text=f"the event is {-age_s:.0f} s in the future")]
    limit_s = policy.age_limit_s(notice.classification)
    if age_s > limit_s:
        text = f"the event is {age_s / 3600:.1f} h old, limit {limit_s / 3600:.1f} h"
        return [Reason(code="too-old", text=text)]
    return []


def _merits(notice: Notice) -> str:
    """One sentence for acting."""
    if not notice.has_position:
        place = "sky map in the packet"
    else:
        place = f"RA {notice.ra_deg:.4f} Dec {notice.dec_deg:+.4f} +- {notice.error_deg:.4f} deg"
    return f"{notice.packet_name}: {notice.classification}, {place}"


def held(judgement: Judgement, code: str, text: str) -> Judgement:
    """The judgement of a notice whose source says more than one may believe at once."""
    reasons = (Reason(code=code, text=text), *judgement.reasons)
    return replace(judgement, decision=Decision.HELD, reasons=reasons)
