"""The weather verdict's actor: hears all stations, judges, tells changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from actors.journal.messages import JournalEntry
from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.explain import verdict
from actors.weather_verdict.fusion import WeatherState, fuse
from actors.weather_verdict.words import Words, words_of
from pyros.actor import Actor, Lane, Message
from pyros.domain.verdict import Safety

if TYPE_CHECKING:
    from actors.weather_verdict.messages import StationVote, WeatherVerdict
    from actors.weather_verdict.settings import WeatherSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look(Message):
    """To itself: time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge(Message):
    """To itself: all that has arrived is read.

    In the reports' own lane, so behind those that came together: rain over the site is one verdict
    with every station's word in it, not one for each station.
    """

    lane: ClassVar[Lane] = WeatherReport.lane


class WeatherVerdictActor(Actor):
    """Fuses the stations' reports into one verdict.

    Args:
        stations: Ids of all configured stations; one that is never heard counts as missing.
        settings: Rules and limits.
    """

    def __init__(self, *, stations: tuple[str, ...], settings: WeatherSettings) -> None:
        super().__init__()
        self._settings = settings
        self._words: dict[str, Words | None] = dict.fromkeys(stations)
        self._state = WeatherState()
        self._said: WeatherVerdict | None = None
        self._said_s = 0.0
        self._called = False

    async def on_start(self) -> None:
        """Hear the stations; until enough have spoken the weather is unknown."""
        self._slack_s = self.clock.wall_to_loop_s(self._settings.slack_s)
        self.subscribe(WeatherReport)
        self.every(self._settings.publish_period_s, _Look())
        self._judge()

    async def on_receive(self, message: Message) -> Any:
        """Judge anew when a station speaks and when time has passed."""
        match message:
            case WeatherReport(station=station):
                if station not in self._words:
                    self.log.warning("station %s is not configured; its word is ignored", station)
                    return None
                self._words[station] = words_of(message, self._settings.rules)
                if not self._called:
                    self._called = True
                    self.ref.tell(_Judge())
            case _Judge():
                self._called = False
                self._judge()
            case _Look():
                self._judge()
            case _:
                return await super().on_receive(message)
        return None

    def _judge(self) -> None:
        now_s, before = self.clock.unix_s(), self._state
        self._state = fuse(before, self._words, now_s, self._settings, slack_s=self._slack_s)
        due = now_s - self._said_s >= self._settings.publish_period_s
        old = self._said
        if old is not None and not due and self._state.says_the_same(before):
            return
        new = verdict(self._state, now_s, self._settings)
        changed = old is None or _gist(old) != _gist(new)
        if not changed and not due:
            return
        self._said, self._said_s = new, now_s
        if changed:
            self._tell(old, new)
        self.publish(new)

    def _tell(self, old: WeatherVerdict | None, new: WeatherVerdict) -> None:
        """Journal what changed: the verdict, and stations that fell out or came back."""
        safety = new.verdict.safety
        reasons = "; ".join(reason.text for reason in new.verdict.reasons)
        data: dict[str, object] = {
            "safety": str(safety),
            "codes": [reason.code for reason in new.verdict.reasons],
            "votes": {vote.station: vote.vote for vote in new.votes},
            "fused": {name: new.fused[name] for name in sorted(new.fused)},
        }
        if old is None or _cause(old) != _cause(new):
            self.publish(
                JournalEntry(
                    kind="decision",
                    subject=self.path,
                    text=f"weather {safety}" + (f": {reasons}" if reasons else ""),
                    time_utc=new.verdict.time_utc,
                    data=data,
                    severity="info" if safety is Safety.SAFE else "notice",
                    who=self.path,
                )
            )
        before = {} if old is None else {vote.station: vote for vote in old.votes}
        for vote in new.votes:
            if vote.station in before and _doubtful(before[vote.station]) != _doubtful(vote):
                self._tell_doubt(vote, new)

    def _tell_doubt(self, vote: StationVote, new: WeatherVerdict) -> None:
        doubtful = _doubtful(vote)
        self.publish(
            JournalEntry(
                kind="decision",
                subject=self.path,
                text=f"station {vote.station} is {vote.vote}: {vote.text}",
                time_utc=new.verdict.time_utc,
                data={"station": vote.station, "vote": vote.vote},
                severity="warning" if doubtful else "notice",
                who=self.path,
            )
        )


def _doubtful(vote: StationVote) -> str:
    """What is wrong with a station itself; empty when it merely has an opinion."""
    return vote.vote if vote.vote in {"suspect", "lost", "stale"} else ""


def _cause(said: WeatherVerdict) -> tuple[object, ...]:
    """What makes two verdicts the same to a reader: not their numbers, nor who is worst now."""
    return (said.verdict.safety, tuple(reason.code for reason in said.verdict.reasons))


def _gist(said: WeatherVerdict) -> tuple[object, ...]:
    return (_cause(said), tuple((vote.station, vote.vote) for vote in said.votes))
