"""Burst advocates are told decision, first image and outcome, once each, over real servers."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from actors.advocates.actor import AdvocateNotifier
from actors.advocates.settings import MailSettings, NotifySettings, WebhookSettings
from actors.alert_handler.messages import AlertUpdated
from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureContext, FrameSpooled
from actors.journal.messages import JournalEntry
from pyros.actor import Actor, ActorSystem, ChildSpec, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SECRET = "hook.token"  # noqa: S105 - a file's name
NOW_UTC = datetime(2026, 11, 24, 3, tzinfo=UTC)


def event(state: str = "ACCEPTED", decision: str = "accepted", **changes: Any) -> AlertUpdated:
    """An event as the handler tells it."""
    values: dict[str, Any] = {
        "alert_id": "grb-261124-001",
        "state": state,
        "ivorn": "ivo://nasa.gsfc.gcn/SWIFT#1",
        "stream": "swift-bat",
        "decision": decision,
        "reasons": ("observable now for 4.1 h",),
        "t0_utc": NOW_UTC,
        "ra_deg": 10.0,
        "dec_deg": 20.0,
        "error_deg": 0.05,
        "injected": False,
        "received_utc": NOW_UTC,
        "stages": {"received": 0.0, "judged": 5.0},
        "sequence_id": "grb-261124-001-1",
    }
    return AlertUpdated(**{**values, **changes})


def frame(alert_id: str | None = "grb-261124-001") -> FrameArchived:
    """A frame on disk."""
    context = ExposureContext(
        night="2026-11-23",
        request_id="grb-261124-001-1",
        sequence_id="grb-261124-001-1",
        programme_id="grb",
        observer="PyROS",
        object_name="grb-261124-001",
        ra_deg=10.0,
        dec_deg=20.0,
        filter_name="r",
        image_index=1,
        image_count=9,
        alert_id=alert_id,
        plan_index=1,
    )
    spooled = FrameSpooled(
        unit="t1",
        camera="cam-vis",
        exposure_id="e1",
        path="/spool/e1",
        sha256="0",
        kind="light",
        start_utc=NOW_UTC,
        end_utc=NOW_UTC,
        exposure_s=10.0,
        aborted=False,
        context=context,
    )
    return FrameArchived(
        frame=spooled,
        path="PRODUCED_DATA/alert_x/1.fits",
        bytes=1,
        preview_png="x.png",
        stars=12,
        fwhm_arcsec=1.2,
        background_adu=300.0,
    )


class SmtpSink:
    """A mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.refusals = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation of RFC 5321."""
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(body.decode())
                writer.write(b"250 taken\r\n")
            elif verb == b"MAIL" and self.refusals > 0:
                self.refusals -= 1
                writer.write(b"451 later\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def servers() -> AsyncIterator[tuple[SmtpSink, int, list[dict[str, Any]], str]]:
    """A mail server and a webhook on loopback."""
    sink, posts = SmtpSink(), []

    async def hook(request: web.Request) -> web.Response:
        posts.append({**await request.json(), "auth": request.headers.get("Authorization")})
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/burst", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    smtp = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    port = runner.addresses[0][1]
    try:
        yield sink, smtp.sockets[0].getsockname()[1], posts, f"http://127.0.0.1:{port}/burst"
    finally:
        smtp.close()
        await smtp.wait_closed()
        await runner.cleanup()


class Ear(Actor):
    """Hears journal entries."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[JournalEntry] = []

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(JournalEntry)

    async def on_receive(self, message: Message) -> Any:
        """Keep."""
        if isinstance(message, JournalEntry):
            self.entries.append(message)


async def until(condition: Callable[[], Any]) -> None:
    """Wait in real time."""
    async with asyncio.timeout(15.0):
        while not condition():  # noqa: ASYNC110 - what others do is waited for
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_each_moment_is_told_once_by_mail_and_webhook() -> None:
    """Decision, first image, outcome: three mails and three posts, whatever is repeated."""
    async with servers() as (sink, port, posts, url), ActorSystem() as system:
        settings = NotifySettings(
            mail=(
                MailSettings(
                    host="127.0.0.1",
                    port=port,
                    sender="pyros@example.org",
                    recipients=("ba@example.org", "two@example.org"),
                ),
            ),
            webhook=(WebhookSettings(url=url, token_file=SECRET),),
            retry_s=(0.05, 0.05),
            page="http://127.0.0.1:8642",
        )
        sink.refusals = 1
        await system.spawn(
            ChildSpec(
                name="advocates",
                factory=lambda: AdvocateNotifier(settings=settings, secrets={SECRET: "s3"}),
            )
        )
        for told in (
            event("IGNORED", "ignored", sequence_id=None),
            event(),
            event(),
            event("OBSERVING"),
            frame(None),
            frame(),
            frame(),
            event("OBSERVED"),
            event("OBSERVED"),
            event(alert_id="grb-261124-002", injected=True),
        ):
            system.events.publish(told)
        await until(lambda: len(sink.mails) == 3 and len(posts) == 3)
        await asyncio.sleep(0.1)
        assert [post["moment"] for post in posts] == ["decision", "first-image", "outcome"]
        assert posts[0]["auth"] == "Bearer s3"
        assert posts[1]["image"] == "PRODUCED_DATA/alert_x/1.fits"
        assert "RA 10.00000 Dec +20.00000 +- 0.0500 deg" in sink.mails[0]
        assert "Subject: [PyROS] grb-261124-001: first image in r" in sink.mails[1]
        assert "ba@example.org, two@example.org" in sink.mails[2]
        assert "is observed" in sink.mails[2]
        assert len(sink.mails) == len(posts) == 3


@pytest.mark.asyncio
async def test_who_cannot_be_told_is_an_alarm_and_keeps_nobody_else_waiting() -> None:
    """A dead address is tried as often as is set, then told as an alarm; the other way works."""
    async with servers() as (sink, port, _, _), ActorSystem() as system:
        settings = NotifySettings(
            mail=(
                MailSettings(
                    host="127.0.0.1", port=port, sender="p@example.org", recipients=("b@e.org",)
                ),
            ),
            webhook=(WebhookSettings(url="http://127.0.0.1:1/nobody"),),
            retry_s=(0.01,),
            tests=True,
        )
        ear = Ear()
        await system.spawn(ChildSpec(name="ear", factory=lambda: ear))
        await system.spawn(
            ChildSpec(
                name="advocates", factory=lambda: AdvocateNotifier(settings=settings, secrets={})
            )
        )
        system.events.publish(event(injected=True))
        await until(lambda: sink.mails and any(one.severity == "alarm" for one in ear.entries))
        assert "[PyROS TEST]" in sink.mails[0]
        alarm = next(one for one in ear.entries if one.severity == "alarm")
        assert "could not be told decision of grb-261124-001" in alarm.text
