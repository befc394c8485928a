"""The programmes' time as the scheduler keeps it: what is reserved, booked, and left tonight.

The rules are `pyros.scheduling.quota_ledger`; the database is the truth of all telescopes. What it
has not taken yet (a full disk) is added here, so that a night's plans never count on less than was
used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.scheduler.messages import ProgrammeTime, QuotasChanged
from pyros.domain.sequence import duration_s, holds_time
from pyros.scheduling.quota_ledger import charge, night_quotas_s, refund
from pyros.store import LedgerEntry, StoreUnavailableError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from actors.scheduler.book import Entry, Move
    from actors.sequencer.messages import SequenceEnded
    from pyros.domain.request import Request
    from pyros.domain.sequence import ChannelTimes
    from pyros.scheduling.quota_ledger import Account
    from pyros.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a sequence's end does to its programme's account.

    Attributes:
        programme_id: Whose.
        reserved_s: Reservation given back; 0 where the sequence will be tried again.
        used_s: What it took, None when it never ran.
        bonus: Whether it ran in time that nobody else wanted.
    """

    programme_id: str
    reserved_s: float
    used_s: float | None = None
    bonus: bool = False


def reservations(request: Request, times: Mapping[str, ChannelTimes]) -> dict[str, float]:
    """Seconds that each sequence of a request sets aside; an alert's waive the quota.

    Whole seconds, as plans count them: what was accepted fits into the plan's quota too.

    Args:
        request: What is submitted.
        times: Overheads of the telescope's channels.
    """
    return {
        sequence.sequence_id: float(math.ceil(duration_s(sequence, times) - 1e-9))
        for sequence in request.sequences
        if sequence.alert_id is None
    }


def booking(
    ended: SequenceEnded, programme_id: str, *, night: str, telescope: str, bonus: bool
) -> LedgerEntry:
    """What an ended sequence costs its programme: the seconds it really used.

    Args:
        ended: How it ended.
        programme_id: Who is charged.
        night: Label of the night.
        telescope: Where it ran.
        bonus: Whether the plan had placed it beyond its quota, in idle time.
    """
    return LedgerEntry(
        programme_id=programme_id,
        night=night,
        sequence_id=ended.sequence_id,
        kind="bonus" if bonus else "charge",
        seconds=max(ended.used_s, 0.0),
        reason=f"{ended.state}: {ended.frames} frames in {ended.used_s:.0f} s",
        time_utc=ended.ended_utc,
        telescope=telescope,
    )


def closings(
    moves: Iterable[Move], bookings: Iterable[LedgerEntry], entries: Mapping[str, Entry]
) -> tuple[Closing, ...]:
    """What moves and their bookings do to the accounts."""
    given_back: dict[str, Closing] = {}
    for move in moves:
        entry = entries[move.sequence_id]
        carry_over = entry.sequence.carry_over
        if holds_time(move.old, carry_over=carry_over) and not holds_time(
            move.new, carry_over=carry_over
        ):
            given_back[move.sequence_id] = Closing(
                programme_id=entry.sequence.programme_id, reserved_s=entry.reserved_s
            )
    used = []
    for booked in bookings:
        released = given_back.pop(booked.sequence_id, None)
        used.append(
            Closing(
                programme_id=booked.programme_id,
                reserved_s=released.reserved_s if released is not None else 0.0,
                used_s=booked.seconds,
                bonus=booked.kind == "bonus",
            )
        )
    return (*used, *given_back.values())


def settled(accounts: Mapping[str, Account], waiting: Iterable[Closing]) -> dict[str, Account]:
    """Accounts after closings that they do not hold yet."""
    after = dict(accounts)
    for closing in waiting:
        account = after.get(closing.programme_id)
        if account is None:
            continue
        after[closing.programme_id] = (
            refund(account, closing.reserved_s)
            if closing.used_s is None
            else charge(account, closing.reserved_s, closing.used_s, bonus=closing.bonus)
        )
    return after


class Accounts:
    """What every programme has left, as last read.

    Args:
        store: The database.
        telescope: Whose nights are planned: each telescope's dark time is shared out by itself.
    """

    def __init__(self, store: Store, telescope: str) -> None:
        self._store = store
        self._telescope = telescope
        self._stored: tuple[dict[str, Account], dict[str, float]] = ({}, {})
        self._semester: dict[str, Account] = {}
        self._charged_tonight_s: dict[str, float] = {}
        self._told: QuotasChanged | None = None

    async def read(
        self,
        night: str | None,
        waiting: tuple[Closing, ...],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Read them anew; while the database cannot be read the last ones serve.

        Args:
            night: Label of the running night.
            waiting: What the database has not taken yet.
            log: Told when the database refuses.
        """
        try:
            accounts = await self._store.programmes.accounts()
            tonight = (
                await self._store.programmes.used_s(
                    from_night=night, until_night=night, telescope=self._telescope
                )
                if night is not None
                else {}
            )
            self._stored = (accounts, tonight)
        except StoreUnavailableError as error:
            log.warning("the programmes' accounts are as last read: %s", error)
        accounts, tonight = self._stored
        self._semester = settled(accounts, waiting)
        self._charged_tonight_s = dict(tonight)
        for closing in waiting:
            if closing.used_s is not None and not closing.bonus:
                before_s = self._charged_tonight_s.get(closing.programme_id, 0.0)
                self._charged_tonight_s[closing.programme_id] = before_s + closing.used_s

    def tonight_s(self, dark_s: float, entries: Iterable[Entry]) -> dict[str, float]:
        """Seconds each programme may still be charged tonight on this telescope.

        Args:
            dark_s: The night's dark time.
            entries: What a plan may place: its reservations are not counted against it.
        """
        reserved_s: dict[str, float] = {}
        for entry in entries:
            programme_id = entry.sequence.programme_id
            reserved_s[programme_id] = reserved_s.get(programme_id, 0.0) + entry.reserved_s
        return night_quotas_s(
            self._semester,
            dark_s,
            reserved_tonight_s=reserved_s,
            charged_tonight_s=self._charged_tonight_s,
        )

    def news(self, tonight_s: Mapping[str, float]) -> QuotasChanged | None:
        """What everyone is told of the accounts, None when it is as told before.

        Args:
            tonight_s: What is left tonight, where a night runs.
        """
        told = QuotasChanged(
            unit=self._telescope,
            programmes=tuple(
                ProgrammeTime(
                    programme_id=programme_id,
                    allocation_s=account.allocation_s,
                    charged_s=account.charged_s,
                    reserved_s=account.reserved_s,
                    bonus_s=account.bonus_s,
                    left_s=account.left_s,
                    left_tonight_s=tonight_s.get(programme_id),
                )
                for programme_id, account in self._semester.items()
            ),
        )
        if told == self._told:
            return None
        self._told = told
        return told
