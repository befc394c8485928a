"""The book of sequences: each with its request and state, and which moves an event leads to.

Pure: every method either answers a question or returns the moves to be made; the actor stores them
and then `apply`s them, so that book and database never differ by more than one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyros.domain.request import RequestStrategy
from pyros.domain.sequence import FINAL_STATES, SequenceState, may_become

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyros.domain.request import Request
    from pyros.domain.sequence import Sequence

_S = SequenceState
WAITING = (_S.TO_BE_PLANNED, _S.PLANNED, _S.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A sequence shall leave `old` for `new`, because of `reason`."""

    sequence_id: str
    old: SequenceState
    new: SequenceState
    reason: str


@dataclass(slots=True, kw_only=True)
class Entry:
    """One sequence as the scheduler knows it."""

    sequence: Sequence
    request: Request
    state: SequenceState
    reason: str = ""
    reserved_s: float = 0.0
    """Seconds of its programme's semester that are set aside for it."""


def _comes_back(entry: Entry) -> bool:
    """Whether an interrupted sequence will be tried again in another night."""
    return entry.state is _S.INTERRUPTED and entry.sequence.carry_over


@dataclass(slots=True)
class Book:
    """All sequences of open requests, in the order they were submitted."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def add(
        self,
        request: Request,
        states: Mapping[str, tuple[SequenceState, str]],
        reserved_s: Mapping[str, float] | None = None,
    ) -> None:
        """Take in a request whose sequences stand in the given (state, reason).

        Args:
            request: With its sequences.
            states: By sequence id; SUBMITTED when left out.
            reserved_s: Seconds set aside, by sequence id.
        """
        reserved_s = reserved_s or {}
        for sequence in request.sequences:
            state, reason = states.get(sequence.sequence_id, (_S.SUBMITTED, ""))
            self.entries[sequence.sequence_id] = Entry(
                sequence=sequence,
                request=request,
                state=state,
                reason=reason,
                reserved_s=reserved_s.get(sequence.sequence_id, 0.0),
            )

    def apply(self, moves: Iterable[Move]) -> None:
        """Make stored moves true."""
        for move in moves:
            entry = self.entries[move.sequence_id]
            entry.state, entry.reason = move.new, move.reason

    def in_states(self, *states: SequenceState) -> tuple[Entry, ...]:
        """Entries in any of the states, in order."""
        return tuple(entry for entry in self.entries.values() if entry.state in states)

    def move(self, sequence_id: str, new: SequenceState, reason: str) -> tuple[Move, ...]:
        """The move of one sequence, through TO_BE_PLANNED where the machine has no direct edge.

        Empty when the sequence is unknown, already there, or may not go there.
        """
        entry = self.entries.get(sequence_id)
        if entry is None or entry.state is new:
            return ()
        if may_become(entry.state, new):
            return (Move(sequence_id=sequence_id, old=entry.state, new=new, reason=reason),)
        via = _S.TO_BE_PLANNED
        if may_become(entry.state, via) and may_become(via, new):
            return (
                Move(sequence_id=sequence_id, old=entry.state, new=via, reason=reason),
                Move(sequence_id=sequence_id, old=via, new=new, reason=reason),
            )
        return ()

    def accepted(self, request: Request) -> tuple[Move, ...]:
        """A request was taken in: its sequences may be planned."""
        return tuple(
            move
            for sequence in request.sequences
            for move in self.move(sequence.sequence_id, _S.TO_BE_PLANNED, "accepted")
        )

    def recovered(self) -> tuple[Move, ...]:
        """After a start: what was running is interrupted, plans are made anew."""
        moves: list[Move] = []
        for identity, entry in self.entries.items():
            match entry.state:
                case _S.EXECUTING:
                    moves += self.move(identity, _S.INTERRUPTED, "PyROS was restarted meanwhile")
                case _S.SUBMITTED:
                    moves += self.move(identity, _S.TO_BE_PLANNED, "accepted")
                case _S.PLANNED | _S.PENDING:
                    moves += self.move(identity, _S.TO_BE_PLANNED, "PyROS was restarted meanwhile")
                case _:
                    pass
        return tuple(moves)

    def night_started(self) -> tuple[Move, ...]:
        """What was carried over from earlier nights may be planned again."""
        moves: list[Move] = []
        for identity, entry in self.entries.items():
            carried = entry.sequence.carry_over and entry.state in (
                _S.INTERRUPTED,
                _S.UNPLANNABLE,
            )
            if carried or entry.state is _S.SUBMITTED:
                reason = "carried over" if carried else "accepted"
                moves += self.move(identity, _S.TO_BE_PLANNED, reason)
        return tuple(moves)

    def night_ended(self, reasons: Mapping[str, str]) -> tuple[Move, ...]:
        """What was not begun expires, or waits for the next night when it may be carried over.

        Args:
            reasons: Why the last plan left a sequence out, by sequence id.
        """
        moves: list[Move] = []
        for identity, entry in self.entries.items():
            if entry.state not in WAITING:
                continue
            why = reasons.get(identity, "its turn did not come before the end of the night")
            new = _S.UNPLANNABLE if entry.sequence.carry_over else _S.EXPIRED
            moves += self.move(identity, new, why)
        return tuple(moves)

    def consequences(self, sequence_id: str, state: SequenceState) -> tuple[Move, ...]:
        """What a sequence's end does to its siblings (all-or-nothing, mandatory)."""
        entry = self.entries.get(sequence_id)
        if entry is None or state not in (_S.FAILED, _S.INTERRUPTED):
            return ()
        fails = entry.request.strategy is RequestStrategy.ALL_OR_NOTHING or entry.sequence.mandatory
        if not fails:
            return ()
        reason = f"{sequence_id} ended {state}; the request needs it"
        return tuple(
            move
            for sibling in entry.request.sequences
            if sibling.sequence_id != sequence_id
            and self.entries[sibling.sequence_id].state not in FINAL_STATES
            and self.entries[sibling.sequence_id].state is not _S.EXECUTING
            for move in self.move(sibling.sequence_id, _S.CANCELLED, reason)
        )

    def withdrawn(self, alert_id: str, reason: str) -> tuple[Move, ...]:
        """What a burst that needs no follow-up any more leaves: all that has not begun."""
        return tuple(
            move
            for identity, entry in self.entries.items()
            if entry.sequence.alert_id == alert_id
            and (entry.state in (*WAITING, _S.UNPLANNABLE) or _comes_back(entry))
            for move in self.move(identity, _S.CANCELLED, reason)
        )

    def finished_requests(self, *, night_over: bool) -> tuple[str, ...]:
        """Requests none of whose sequences can ever run again, in order.

        Args:
            night_over: Whether what is UNPLANNABLE stays so: during the night a lost device may
                come back, and with it all that needs it.
        """
        finished: dict[str, bool] = {}
        for entry in self.entries.values():
            over = entry.state in FINAL_STATES and not (
                (entry.sequence.carry_over and entry.state in (_S.INTERRUPTED, _S.UNPLANNABLE))
                or (entry.state is _S.UNPLANNABLE and not night_over)
            )
            identity = entry.request.request_id
            finished[identity] = finished.get(identity, True) and over
        return tuple(identity for identity, over in finished.items() if over)

    def forget(self, request_id: str) -> None:
        """Drop a finished request from the book (the database keeps it)."""
        self.entries = {
            identity: entry
            for identity, entry in self.entries.items()
            if entry.request.request_id != request_id
        }
