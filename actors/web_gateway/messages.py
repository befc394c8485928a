"""What the web gateway is asked by whoever serves the pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from actors.alert_handler.messages import (
    ChangeFollowUp,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.alert_source.messages import PacketStored
from pyros.actor import Lane, Request


class OrderAction(StrEnum):
    """What an operator may order from the page."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    CLOSE_DOME = "close-dome"
    INJECT_ALERT = "inject-alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTaken:
    """Answer to an order: what follows from it, in one sentence."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorOrder(Request[OrderTaken]):
    """An operator's order, journalled and handed to whoever carries it out.

    Refused with `Rejected` when the one asked refuses, does not answer, or is not there.

    Attributes:
        action: What to do.
        who: Operator.
        why: Reason given.
        alert_kind: Template of the alert to inject, e.g. `swift-bat`; only for INJECT_ALERT.
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    action: OrderAction
    who: str
    why: str
    alert_kind: str = ""


ExpertWish = NoteByHand | StopFollowUp | ChangeFollowUp | SwitchStrategy
"""What an expert may ask about alerts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertOrder(Request[OrderTaken]):
    """An expert's order about alerts, journalled and handed to the alert handler.

    Refused with `Rejected` as an `OperatorOrder` is.

    Attributes:
        wish: What to do, with who and why.
    """

    wish: ExpertWish


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitPacket(Request[PacketStored]):
    """A raw alert packet that came in by HTTP; answered when it is stored.

    Attributes:
        raw: The bytes as received.
        source: Who is trusted with it: `http`, or the name of the token it came with.
    """

    raw: bytes
    source: str = "http"
