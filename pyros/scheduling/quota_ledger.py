"""Whose time is used: a semester's seconds per programme, and its share of each night.

Two ledgers, as TACs think: the semester's allocation is hard, a night's share is soft and keeps one
programme from taking a whole night. Submitted time is reserved, done time is charged, what was
cancelled, lost or not used is given back; time beyond a quota in otherwise idle time is bonus,
counted apart. All functions are pure: an account in, an account out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROUNDING_S = 1e-3
"""Sums of seconds differ by their order; so much never refuses anybody."""


class QuotaExceededError(PermanentError):
    """A submission asks for more than its programme's semester has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One programme's semester.

    Args:
        programme: Its id.
        allocation_s: Seconds that the TAC granted.
        night_share: Share of a night's usable dark time it may take, 0..1.
        charged_s: Seconds done and counted.
        reserved_s: Seconds submitted and not yet done.
        bonus_s: Seconds done beyond the quota, not counted.
    """

    programme: str
    allocation_s: float
    night_share: float = 1.0
    charged_s: float = 0.0
    reserved_s: float = 0.0
    bonus_s: float = 0.0

    @property
    def left_s(self) -> float:
        """What the semester still has, reserved time taken off; never below 0."""
        return max(0.0, self.allocation_s - self.charged_s - self.reserved_s)


def submit(account: Account, duration_s: float) -> Account:
    """Reserve the time of a new sequence, or of all sequences of a new request.

    Raises:
        QuotaExceededError: When the semester has less left; the text says how much.
    """
    over_s = duration_s - account.left_s
    if over_s > _ROUNDING_S:
        raise QuotaExceededError(
            f"programme {account.programme} has {account.left_s:.0f} s of its "
            f"{account.allocation_s:.0f} s left, {duration_s:.0f} s are asked: "
            f"{math.ceil(over_s)} s over; shorten it or ask for more time"
        )
    return replace(account, reserved_s=account.reserved_s + duration_s)


def charge(account: Account, reserved_s: float, used_s: float, *, bonus: bool = False) -> Account:
    """Close a sequence: give its reservation back and charge what it used.

    Args:
        account: Before.
        reserved_s: What was reserved for it; 0 keeps the reservation of one that will be repeated.
        used_s: What it took (less than reserved when interrupted, more when it overran).
        bonus: Charge as bonus, not as quota.
    """
    reserved = max(0.0, account.reserved_s - reserved_s)
    if bonus:
        return replace(account, reserved_s=reserved, bonus_s=account.bonus_s + used_s)
    return replace(account, reserved_s=reserved, charged_s=account.charged_s + used_s)


def refund(account: Account, reserved_s: float) -> Account:
    """Give a reservation back: the sequence was cancelled, failed or expired."""
    return charge(account, reserved_s, 0.0)


def night_quota_s(
    account: Account,
    dark_s: float,
    *,
    reserved_tonight_s: float = 0.0,
    charged_tonight_s: float = 0.0,
) -> float:
    """Hard limit for one night's plan: the smaller of what semester and share have left.

    Args:
        account: The programme.
        dark_s: Usable dark time of the night, all telescopes that are planned.
        reserved_tonight_s: Reservations of sequences that this very plan may place; they are part
            of the reserved time and must not count twice.
        charged_tonight_s: What was charged this night already; the semester's charge has it too.
    """
    semester_s = account.allocation_s - account.charged_s - account.reserved_s + reserved_tonight_s
    return max(0.0, min(semester_s, account.night_share * dark_s - charged_tonight_s))


def night_quotas_s(
    accounts: Mapping[str, Account],
    dark_s: float,
    *,
    reserved_tonight_s: Mapping[str, float],
    charged_tonight_s: Mapping[str, float],
) -> dict[str, float]:
    """`night_quota_s` of all programmes, in the order of `accounts`."""
    return {
        programme: night_quota_s(
            account,
            dark_s,
            reserved_tonight_s=reserved_tonight_s.get(programme, 0.0),
            charged_tonight_s=charged_tonight_s.get(programme, 0.0),
        )
        for programme, account in accounts.items()
    }
