"""The TCP front of the broker core: MQTT 3.1.1 and 5 on a local address.

`serve_broker` runs it inside a process, `run_broker` is a process of its own: the embedded broker
outlives the control process as Mosquitto would.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from typing import TYPE_CHECKING

from protocols.mqtt.broker_connection import BrokerConnection
from protocols.mqtt.router import Router
from pyros.errors import ConfigurationError
from pyros.log import bound_logger

if TYPE_CHECKING:
    from protocols.mqtt.access import Access
    from protocols.mqtt.faults import Faults
    from protocols.mqtt.limits import BrokerLimits
    from protocols.mqtt.outbox import Outbox

_log = bound_logger("mqtt broker")
_BACKLOG = 1024
_MOST_LEAVING = 256
_LAST_PORT = 65535


class BrokerServer:
    """A broker that listens.

    Args:
        router: The core.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, router: Router, *, host: str = "127.0.0.1", port: int = 1883) -> None:
        self.router = router
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._connections: dict[BrokerConnection, None] = {}
        self._leaving: dict[BrokerConnection, None] = {}
        self._scheduled: list[Outbox] = []
        self.handling = False
        self._flush_due = False
        self._full = False

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: When the address cannot be had.
        """
        if not 0 <= self.port <= _LAST_PORT:
            raise ConfigurationError(
                f"MQTT broker: port {self.port} is not from 0 to {_LAST_PORT}; choose another port"
            )
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: BrokerConnection(self), self.host, self.port, backlog=_BACKLOG
            )
        except OSError as error:
            raise ConfigurationError(_why_not(self.host, self.port, error)) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Tell the clients, close their sockets and stop listening."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self.router.close()
        self.flush()
        for _ in range(3):  # let the last frames and the closing of sockets through
            await asyncio.sleep(0)
        for connection in (*self._connections, *self._leaving):
            connection.sever()
        await server.wait_closed()
        await asyncio.sleep(0)

    def opened(self, connection: BrokerConnection) -> bool:
        """Count a socket in; False when there is no room."""
        if len(self._connections) >= self.router.limits.max_connections:
            if not self._full:
                self._full = True
                _log.warning("%d connections, refusing more", len(self._connections))
            return False
        self._connections[connection] = None
        return True

    def leaving(self, connection: BrokerConnection) -> None:
        """A socket lingers so that its client can read why: it is no connection any more."""
        self.closed(connection)
        self._leaving[connection] = None
        if len(self._leaving) > _MOST_LEAVING:
            next(iter(self._leaving)).sever()

    def closed(self, connection: BrokerConnection) -> None:
        """Count a socket out."""
        self._leaving.pop(connection, None)
        if connection not in self._connections:
            return
        del self._connections[connection]
        if self._full:
            self._full = False
            _log.info("accepting connections again")

    def schedule(self, outbox: Outbox) -> None:
        """Flush the outbox when the packets at hand are handled, or before the loop's next turn."""
        self._scheduled.append(outbox)
        if not (self.handling or self._flush_due):
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush_later)

    def flush(self) -> None:
        """Flush every scheduled outbox now."""
        while self._scheduled:
            scheduled, self._scheduled = self._scheduled, []
            for outbox in scheduled:
                outbox.flush()

    def _flush_later(self) -> None:
        self._flush_due = False
        self.flush()


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"MQTT broker: port {port} on {host} is in use; "
            "stop what listens there or choose another port"
        )
    reason = error.strerror or str(error)
    return f"MQTT broker: cannot listen on {host} port {port}: {reason}; choose another address"


async def serve_broker(
    port: int = 1883,
    *,
    host: str = "127.0.0.1",
    limits: BrokerLimits | None = None,
    access: Access | None = None,
    faults: Faults | None = None,
) -> BrokerServer:
    """Start a broker in the running loop; `stop()` it when done.

    Args:
        port: Port to listen on; 0 takes a free one, see the result's `port`.
        host: Address to listen on.
        limits: Bounds; the defaults suit an observatory.
        access: Who may do what; everyone everything by default.
        faults: Injected faults.

    Raises:
        ConfigurationError: When the address cannot be had.
    """
    router = Router(asyncio.get_running_loop(), limits=limits, access=access, faults=faults)
    server = BrokerServer(router, host=host, port=port)
    await server.start()
    return server


def run_broker(
    host: str = "127.0.0.1",
    port: int = 1883,
    *,
    limits: BrokerLimits | None = None,
    access: Access | None = None,
) -> int:
    """Run a broker until SIGINT or SIGTERM.

    Returns:
        The exit status: 0 after a signal, 2 when the address cannot be had (said in one line).
    """
    try:
        asyncio.run(_run(host, port, limits, access))
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's one line to its user
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


async def _run(host: str, port: int, limits: BrokerLimits | None, access: Access | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    server = await serve_broker(port, host=host, limits=limits, access=access)
    name = f"[{server.host}]" if ":" in server.host else server.host
    print(  # noqa: T201 - a command's one line to its user
        f"MQTT broker on {name}:{server.port}, MQTT 3.1.1 and 5; stop with Ctrl-C", flush=True
    )
    try:
        await stopped.wait()
    finally:
        await server.stop()


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, for a child process that must be told one."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
