"""The notifier: each way to advocates has its own queue and task, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.advocates.bulletin import Bulletin, Told
from actors.alert_handler.messages import AlertUpdated
from actors.archive.messages import FrameArchived
from actors.journal.messages import JournalEntry
from protocols.mail import send_mail
from protocols.webhook import post_json
from pyros.actor import Actor, Message
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from actors.advocates.settings import MailSettings, NotifySettings, WebhookSettings


@dataclass(slots=True, kw_only=True)
class _Way:
    """One way to advocates: what waits, and how it is sent."""

    name: str
    send: Callable[[Bulletin], Awaitable[None]]
    waiting: deque[Bulletin]
    work: asyncio.Event = field(default_factory=asyncio.Event)


class AdvocateNotifier(Actor):
    """Tells advocates of decision, first image and outcome.

    Args:
        settings: Whom to tell and how.
        secrets: Passwords and tokens by the name of the file that the settings give.
    """

    def __init__(self, *, settings: NotifySettings, secrets: Mapping[str, str]) -> None:
        super().__init__()
        self._settings = settings
        self._secrets = secrets
        self._told = Told(page=settings.page, tests=settings.tests)
        self._ways: list[_Way] = []

    async def on_start(self) -> None:
        """Listen, and start a sender for each way."""
        settings = self._settings
        self._ways = [
            *(self._way(f"mail {mail.host}", partial(self._mail, mail)) for mail in settings.mail),
            *(
                self._way(f"webhook {number}", partial(self._webhook, hook))
                for number, hook in enumerate(settings.webhook, start=1)
            ),
        ]
        for way in self._ways:
            self.start_task(self._deliver(way), name=way.name)
        self.subscribe(AlertUpdated, FrameArchived)

    def _way(self, name: str, send: Callable[[Bulletin], Awaitable[None]]) -> _Way:
        return _Way(name=name, send=send, waiting=deque(maxlen=self._settings.kept))

    async def on_receive(self, message: Message) -> Any:
        """Queue what advocates are told."""
        match message:
            case AlertUpdated():
                self._queue(self._told.update(message))
            case FrameArchived():
                self._queue(self._told.frame(message))
            case _:
                return await super().on_receive(message)
        return None

    def _queue(self, bulletin: Bulletin | None) -> None:
        if bulletin is None:
            return
        for way in self._ways:
            way.waiting.append(bulletin)
            way.work.set()

    async def _deliver(self, way: _Way) -> None:
        while True:
            way.work.clear()
            while way.waiting:
                await self._send(way, way.waiting.popleft())
            await way.work.wait()

    async def _send(self, way: _Way, bulletin: Bulletin) -> None:
        """Try until it is taken or there are no more tries."""
        error: PyrosError | None = None
        for pause_s in (0.0, *self._settings.retry_s):
            await asyncio.sleep(self.clock.wall_to_loop_s(pause_s))
            try:
                await way.send(bulletin)
            except PyrosError as failure:
                error = failure
                self.log.warning("%s: %s", way.name, failure)
                continue
            self._journal(f"{way.name} told: {bulletin.subject}", bulletin, failed=False)
            return
        self._journal(
            f"{way.name} could not be told {bulletin.moment} of {bulletin.alert_id}: {error}",
            bulletin,
            failed=True,
        )

    async def _mail(self, mail: MailSettings, bulletin: Bulletin) -> None:
        password = self._secrets.get(mail.password_file or "")
        login = (mail.username, password) if mail.username and password is not None else None
        send = partial(
            send_mail,
            host=mail.host,
            port=mail.port,
            sender=mail.sender,
            recipients=mail.recipients,
            subject=bulletin.subject,
            text=bulletin.text,
            timeout_s=self._settings.timeout_s,
            starttls=mail.starttls,
            login=login,
        )
        await self.blocking(send, deadline_s=4.0 * self._settings.timeout_s)

    async def _webhook(self, hook: WebhookSettings, bulletin: Bulletin) -> None:
        facts = {**bulletin.facts, "subject": bulletin.subject, "text": bulletin.text}
        token = self._secrets.get(hook.token_file or "")
        timeout_s = self.clock.wall_to_loop_s(self._settings.timeout_s)
        await post_json(hook.url, facts, timeout_s=timeout_s, token=token)

    def _journal(self, text: str, bulletin: Bulletin, *, failed: bool) -> None:
        self.publish(
            JournalEntry(
                kind="alarm" if failed else "alert",
                subject=bulletin.alert_id,
                text=text,
                time_utc=self.clock.now(),
                data={"moment": bulletin.moment},
                severity="alarm" if failed else "info",
                who="advocates",
            )
        )
