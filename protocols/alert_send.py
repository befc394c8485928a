"""`pyros alert send`: a recorded packet, young again if asked, or a VOEvent of our own.

A packet of our own is written with voevent-parse and checked against the VOEvent 2.0 schema before
it leaves.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.message import MqttMessage
from protocols.notice_restamp import restamp
from protocols.notice_values import instant
from protocols.topics import SiteTopics
from protocols.voevent_writer import ROLES, Author, OutgoingVoEvent, write_voevent
from protocols.vtp.author import send_voevent
from pyros.actor.loops import clock_for
from pyros.domain.alert.notice import Citation
from pyros.errors import ConfigurationError, PyrosError

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

_STREAM = "alerts"


def add_send_parser(inner: Any) -> None:
    """Add `send` to the sub-commands of `pyros alert`."""
    send = inner.add_parser("send", help="send a packet to a VTP receiver, an address or a broker")
    send.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the packet; or give --author"
    )
    send.add_argument("--host", default="127.0.0.1", help="VTP receiver's host")
    send.add_argument("--port", type=int, default=8098, help="VTP receiver's port")
    send.add_argument("--url", help="POST the packet to this http address instead")
    send.add_argument("--mqtt", metavar="HOST:PORT", help="publish it to an MQTT broker instead")
    send.add_argument("--site", default="spm", help="site id of the topic, with --mqtt")
    send.add_argument("--token", help="bearer token for --url")
    send.add_argument("--t0", help="restamp, or write: the burst was at this instant, ISO 8601 UTC")
    send.add_argument("--ra", type=float, help="restamp, or write: right ascension in degrees")
    send.add_argument("--dec", type=float, help="restamp, or write: declination in degrees")
    send.add_argument("--serial", type=int, default=1, help="makes the ids new")
    send.add_argument(
        "--author", metavar="IVO", help="write a VOEvent in this name, e.g. org.example/pyros"
    )
    send.add_argument("--error", type=float, metavar="DEG", help="write: error radius")
    send.add_argument("--role", default="test", choices=sorted(ROLES), help="write: its role")
    send.add_argument("--cites", action="append", default=[], metavar="IVORN", help="write: cites")
    send.add_argument("--text", default="", help="write: one sentence for people")


def send_packet(arguments: argparse.Namespace) -> int:
    """Send what is asked for; 1 when it was refused or could not be sent.

    Raises:
        ConfigurationError: When the command line asks for what cannot be.
    """
    name, raw = "?", b""
    try:
        name, raw = _packet(arguments)
        if arguments.mqtt is not None:
            asyncio.run(_publish(raw, arguments.mqtt, arguments.site))
            accepted, reason = True, ""
        elif arguments.url is not None:
            accepted, reason = _post(raw, arguments.url, arguments.token)
        else:
            accepted, reason = asyncio.run(
                send_voevent(raw, host=arguments.host, port=arguments.port)
            )
    except ConfigurationError:
        raise
    except (OSError, PyrosError) as error:
        _print(f"{name}: not sent: {error}")
        return 1
    _print(f"{name}: {'acknowledged' if accepted else f'refused: {reason}'}")
    return 0 if accepted else 1


def _packet(arguments: argparse.Namespace) -> tuple[str, bytes]:
    """What is sent: its name and bytes."""
    if (arguments.file is None) is (arguments.author is None):
        raise ConfigurationError(
            "alert send: give a FILE to send, or --author to write a VOEvent, and not both"
        )
    t0_utc = None if arguments.t0 is None else instant(arguments.t0)
    if arguments.t0 is not None and t0_utc is None:
        raise ConfigurationError(f"--t0 {arguments.t0}: give 2026-11-23T01:02:03Z")
    if arguments.author is not None:
        return _own(arguments, t0_utc)
    raw = arguments.file.read_bytes()
    if t0_utc is not None:
        raw = restamp(
            raw,
            time_utc=t0_utc,
            ra_deg=arguments.ra,
            dec_deg=arguments.dec,
            serial=arguments.serial,
        )
    return str(arguments.file), raw


def _own(arguments: argparse.Namespace, t0_utc: datetime | None) -> tuple[str, bytes]:
    """A VOEvent of our own: its ivorn and bytes."""
    written_utc = asyncio.run(_now())
    t0_utc = t0_utc or written_utc
    local_id = f"{t0_utc:%Y-%m-%dT%H:%M:%S}-{arguments.serial}"
    event = OutgoingVoEvent(
        stream=_STREAM,
        local_id=local_id,
        role=arguments.role,
        written_utc=written_utc,
        time_utc=t0_utc,
        ra_deg=arguments.ra,
        dec_deg=arguments.dec,
        error_deg=arguments.error,
        cites=tuple(Citation(ivorn=ivorn, kind="followup") for ivorn in arguments.cites),
        description=arguments.text,
    )
    author = Author(ivo=arguments.author.removeprefix("ivo://"))
    return f"ivo://{author.ivo}/{_STREAM}#{local_id}", write_voevent(event, author)


async def _now() -> datetime:
    """The computer's time."""
    return clock_for(asyncio.get_running_loop()).now()


async def _publish(raw: bytes, address: str, site: str) -> None:
    """Publish a packet; the broker's acknowledgement is what is waited for."""
    host, _, port = address.removeprefix("mqtt://").rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"--mqtt {address}: give HOST:PORT, e.g. 127.0.0.1:1883")
    link = AiomqttLink(host, int(port), client_id="pyros-alert-send")
    await link.connect()
    await link.publish(MqttMessage(topic=SiteTopics(site).alert_in(), payload=raw, qos=1))
    await link.disconnect()


def _post(raw: bytes, url: str, token: str | None) -> tuple[bool, str]:
    """POST a packet; whether it was taken, and the answer when it was not."""
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"--url {url}: give an http or https address")
    kind = "application/json" if raw.lstrip()[:1] == b"{" else "application/xml"
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, data=raw, headers=headers)  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - checked above
            answer.read(1000)
    except urllib.error.HTTPError as error:
        return False, f"{error.code} {error.read(300).decode(errors='replace')}"
    return True, ""


def _print(text: str) -> None:
    """Print a line of the command's output."""
    print(text)  # noqa: T201 - a command's output
