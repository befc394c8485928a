"""The watchdog: names the actor that holds the loop, with the message and the stack that do it.

A thread asks the loop for a sign of life; when none comes for 100 ms it looks at what the loop's
thread is executing. It costs the receive loop nothing: the actor is read from the frames of the
stalled
thread.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyros.actor.message import Lane, Message
from pyros.actor.receive_loop import serve

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

STALL_S: Final = 0.1
PERIOD_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStalled(Message):
    """Published when the loop was held: by whom, on what, for how long, where.

    Attributes:
        path: The actor's path; empty when no actor was running.
        handling: Class name of the message it was handling.
        held_s: Wall seconds without a sign of life.
        stack: The stack while it was held, innermost call last.
    """

    lane = Lane.TELEMETRY

    path: str
    handling: str
    held_s: float
    stack: str


class Watchdog:
    """Watches one loop from a thread of its own.

    Args:
        loop: The loop; the watchdog is made on its thread.
        report: Called on the loop after each stall.
        stall_s: Wall seconds without a sign of life that count as a stall.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        report: Callable[[LoopStalled], None],
        *,
        stall_s: float = STALL_S,
    ) -> None:
        self._loop = loop
        self._report = report
        self._stall_s = stall_s
        self._watched = threading.get_ident()
        self._over = threading.Event()
        self._alive = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pyros-watchdog", daemon=True)
        self.stalls: deque[LoopStalled] = deque(maxlen=100)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; the thread ends by itself."""
        self._over.set()
        self._alive.set()

    def _run(self) -> None:
        while not self._over.wait(PERIOD_S):
            self._alive.clear()
            asked_s = time.monotonic()
            if not self._post(self._alive.set):
                return
            if self._alive.wait(self._stall_s):
                continue
            path, handling, stack = self._look()
            self._alive.wait()
            if self._over.is_set():
                return
            held_s = time.monotonic() - asked_s
            stall = LoopStalled(path=path, handling=handling, held_s=held_s, stack=stack)
            self._post(lambda stall=stall: self._note(stall))  # type: ignore[misc]  # default binds

    def _post(self, call: Callable[[], object]) -> bool:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _note(self, stall: LoopStalled) -> None:
        self.stalls.append(stall)
        self._report(stall)

    def _look(self) -> tuple[str, str, str]:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to look
        if frame is None:
            return "", "", ""
        stack = "".join(traceback.format_stack(frame))
        path, handling = _culprit(frame)
        return path, handling, stack


def _culprit(frame: FrameType | None) -> tuple[str, str]:
    """The actor whose receive loop is on the stack, and the class of what it handles."""
    while frame is not None:
        if frame.f_code is serve.__code__:
            cell = frame.f_locals.get("cell")
            message = frame.f_locals.get("message")
            return getattr(cell, "path", ""), type(message).__name__
        frame = frame.f_back
    return "", ""
