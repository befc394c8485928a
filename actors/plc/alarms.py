"""Which changes of the PLC's readings people are told of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.device.readings import good_flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.journal.messages import Severity
    from pyros.domain.device import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One contact: what is said when it becomes true, and when false.

    Attributes:
        name: Property.
        true_text: Said when it becomes true.
        false_text: Said when it becomes false.
        bad: The value that is bad news.
        severity: How loud bad news is; good news are a notice.
    """

    name: str
    true_text: str
    false_text: str
    bad: bool
    severity: Severity


WATCHED: tuple[Watched, ...] = (
    Watched(
        name="mains",
        true_text="mains are back",
        false_text="mains are lost, running on the UPS",
        bad=False,
        severity="alarm",
    ),
    Watched(
        name="rain",
        true_text="the rain contact is wet",
        false_text="the rain contact is dry",
        bad=True,
        severity="warning",
    ),
    Watched(
        name="door_closed",
        true_text="the dome's door is closed",
        false_text="the dome's door is open",
        bad=False,
        severity="warning",
    ),
)


def news(
    before: Mapping[str, bool], readings: Mapping[str, Reading]
) -> tuple[dict[str, bool], list[tuple[str, Severity]]]:
    """What changed since `before`: the contacts now, and the sentences to tell.

    The first value of a contact is told only when it is bad news; a value that is not trusted
    keeps the one before.
    """
    now = dict(before)
    told: list[tuple[str, Severity]] = []
    for contact in WATCHED:
        value = good_flag(readings, contact.name)
        if value is None or value is before.get(contact.name, not contact.bad):
            if value is not None:
                now[contact.name] = value
            continue
        now[contact.name] = value
        text = contact.true_text if value else contact.false_text
        told.append((text, contact.severity if value is contact.bad else "notice"))
    return now, told
