"""Pure conduct of the observatory: from what is known to what must be done next.

Level-triggered on purpose: the majordome keeps a picture of the observatory (`Situation`) and,
after each event, asks `conduct` what should happen now. Whatever order events come in, whichever
was missed, the answer depends on the picture alone: nothing jams on an edge that never came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pyros.domain.observatory import Mode, SkyPhase
from pyros.domain.verdict import Safety, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from actors.majordome.settings import MajordomeSettings


class Procedure(StrEnum):
    """What takes minutes and is done by asking devices."""

    OPEN = "open"
    CLOSE = "close"
    CALIBRATE = "calibrate"


class Closed(StrEnum):
    """Whether dome, cover and mount are verified to be put away."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorHold:
    """An operator's word that nothing new begins; `close` also keeps everything closed."""

    who: str
    why: str
    close: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the conduct depends on.

    Attributes:
        mode: Mode the observatory is in.
        phase: Where the Sun is; None before it is known.
        verdict: Latest safety verdict; None before the first.
        closed: Whether everything is put away.
        opened: Whether dome and cover are open and the telescope is ready.
        blocking_lost: Blocking devices away, each with since when, sorted by name.
        hold: An operator's hold, None when automatic.
        procedure: Procedure running, None when none is.
        not_before_utc: No new opening before this instant (after a failure).
        close_again_utc: No new closing before this instant: the last one has just ended, and what
            it achieved is still to be seen.
        calibrations_due: Night whose calibrations are still to be taken, None when none is.
        stopping: The process is going down.
        devices_known: Whether every device has said once what it is.
    """

    mode: Mode
    phase: SkyPhase | None
    verdict: Verdict | None
    closed: Closed
    opened: bool
    blocking_lost: tuple[tuple[str, datetime], ...]
    hold: OperatorHold | None
    procedure: Procedure | None
    not_before_utc: datetime | None
    close_again_utc: datetime | None
    calibrations_due: str | None
    stopping: bool
    devices_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now.

    Attributes:
        mode: Mode to be in.
        reason: Why, for the journal and the page.
        start: Procedure to begin, None for none.
        cancel: Whether the running procedure must end first.
        observe: Whether the plan may be executed.
    """

    mode: Mode
    reason: str
    start: Procedure | None = None
    cancel: bool = False
    observe: bool = False


def sky_phase(sun_altitude_deg: float, *, rising: bool, settings: MajordomeSettings) -> SkyPhase:
    """The phase for a Sun altitude; `rising` tells morning from evening.

    A limit itself belongs to the darker side, so that -12.0 exactly cannot jam the machine.
    """
    if sun_altitude_deg <= settings.observing_sun_altitude_deg:
        return SkyPhase.NIGHT
    if sun_altitude_deg <= settings.open_sun_altitude_deg:
        return SkyPhase.DAWN if rising else SkyPhase.DUSK
    return SkyPhase.DAY


def safe_now(situation: Situation, now_utc: datetime, settings: MajordomeSettings) -> str | None:
    """None when it is safe to be open, otherwise the reason why not."""
    verdict = situation.verdict
    if verdict is None:
        return "no safety verdict yet"
    age_s = (now_utc - verdict.time_utc).total_seconds()
    if age_s > settings.verdict_ttl_s:
        return f"safety verdict is {age_s:.0f} s old (limit {settings.verdict_ttl_s:.0f} s)"
    if verdict.safety is Safety.SAFE:
        return None
    return "; ".join(reason.text for reason in verdict.reasons) or verdict.safety.value.lower()


def must_be_closed(
    situation: Situation, now_utc: datetime, settings: MajordomeSettings
) -> str | None:
    """Why everything must be closed now, or None when it may be open."""
    if situation.stopping:
        return "PyROS is stopping"
    if situation.hold is not None and situation.hold.close:
        return f"closed by {situation.hold.who}: {situation.hold.why}"
    unsafe = safe_now(situation, now_utc, settings)
    if unsafe is not None:
        return unsafe
    if situation.phase in (None, SkyPhase.DAY, SkyPhase.DAWN):
        return "the Sun is up" if situation.phase is SkyPhase.DAY else "the night is over"
    grace = timedelta(seconds=settings.blocking_grace_s)
    for name, since_utc in situation.blocking_lost:
        if now_utc - since_utc >= grace:
            return f"blocking device {name} is lost since {since_utc:%H:%M:%S}"
    return None


def conduct(situation: Situation, now_utc: datetime, settings: MajordomeSettings) -> Decision:
    """What the observatory does now, given all that is known."""
    if not situation.devices_known and not situation.stopping:
        return Decision(mode=Mode.STARTING, reason="waiting for the devices to answer")
    close_reason = must_be_closed(situation, now_utc, settings)
    if close_reason is not None:
        return _closed_conduct(situation, now_utc, close_reason)
    return _open_conduct(situation, now_utc)


def _closed_conduct(situation: Situation, now_utc: datetime, reason: str) -> Decision:
    """Close first; when closed, calibrate after a night, else wait."""
    resting = _resting_mode(situation)
    if situation.procedure is Procedure.OPEN:
        return Decision(mode=Mode.CLOSING, reason=reason, cancel=True, start=Procedure.CLOSE)
    if situation.procedure is Procedure.CLOSE:
        return Decision(mode=_closing_mode(situation), reason=reason)
    if situation.procedure is Procedure.CALIBRATE:
        if situation.stopping or situation.hold is not None:
            return Decision(mode=resting, reason=reason, cancel=True, start=Procedure.CLOSE)
        return Decision(mode=Mode.CALIBRATING, reason=reason)
    if situation.closed is not Closed.YES:
        wait = situation.close_again_utc is not None and now_utc < situation.close_again_utc
        start = None if wait else Procedure.CLOSE
        return Decision(mode=_closing_mode(situation), reason=reason, start=start)
    if (
        situation.calibrations_due is not None
        and situation.phase in (SkyPhase.DAWN, SkyPhase.DAY)
        and situation.hold is None
        and not situation.stopping
        and not situation.blocking_lost
    ):
        return Decision(
            mode=Mode.CALIBRATING,
            reason=f"calibrations of night {situation.calibrations_due}",
            start=Procedure.CALIBRATE,
        )
    return Decision(mode=resting, reason=reason)


def _closing_mode(situation: Situation) -> Mode:
    """EMERGENCY stays until everything is closed; stopping keeps its own name."""
    if situation.stopping:
        return Mode.STOPPING
    return Mode.EMERGENCY if situation.mode is Mode.EMERGENCY else Mode.CLOSING


def _resting_mode(situation: Situation) -> Mode:
    """Where one waits closed: by day STANDBY, during a night PAUSED."""
    if situation.stopping:
        return Mode.STOPPING
    if situation.phase in (SkyPhase.NIGHT, SkyPhase.DUSK) or situation.hold is not None:
        return Mode.PAUSED
    return Mode.STANDBY


def _open_conduct(situation: Situation, now_utc: datetime) -> Decision:
    """Open when closed; observe when open, unless somebody or something holds."""
    if situation.procedure is Procedure.CLOSE:
        return Decision(mode=Mode.CLOSING, reason="closing before opening again")
    if situation.procedure is Procedure.CALIBRATE:
        return Decision(
            mode=Mode.CLOSING,
            reason="the night begins: calibrations end",
            cancel=True,
            start=Procedure.CLOSE,
        )
    if situation.hold is not None:
        return Decision(
            mode=Mode.PAUSED, reason=f"paused by {situation.hold.who}: {situation.hold.why}"
        )
    if situation.blocking_lost:
        name, since_utc = situation.blocking_lost[0]
        return Decision(
            mode=Mode.PAUSED, reason=f"blocking device {name} is lost since {since_utc:%H:%M:%S}"
        )
    if situation.procedure is Procedure.OPEN:
        return Decision(mode=Mode.OPENING, reason="safe and dark enough")
    if situation.opened:
        return Decision(mode=Mode.OBSERVING, reason="open and safe", observe=True)
    if situation.not_before_utc is not None and now_utc < situation.not_before_utc:
        return Decision(
            mode=Mode.PAUSED,
            reason=f"opening failed; next try at {situation.not_before_utc:%H:%M:%S}",
        )
    reason = "safe and dark enough"
    if situation.mode is Mode.OBSERVING:
        reason = "dome, cover or telescope is no longer seen ready; opening again"
    return Decision(mode=Mode.OPENING, reason=reason, start=Procedure.OPEN)
