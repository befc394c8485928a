"""Serves the application on a port, and stops it within a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from pyros.errors import ConfigurationError
from web.app import create_app

if TYPE_CHECKING:
    from web.services import WebServices

KEEPALIVE_S = 75.0
SHUTDOWN_S = 1.0


class WebServer:
    """The pages' server; its waits count wall seconds on every loop.

    Args:
        services: What the handlers work with.

    Attributes:
        app: The application it serves.
    """

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self.app = create_app(services)
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where the page is, once started."""
        return f"http://{self._services.settings.host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: When the port is taken or the address is not this machine's.
        """
        settings = self._services.settings
        wall = self._services.clock.wall_to_loop_s
        runner = web.AppRunner(
            self.app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=wall(KEEPALIVE_S),
            lingering_time=wall(1.0),
            shutdown_timeout=wall(SHUTDOWN_S),
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            await self.stop()
            raise ConfigurationError(
                f"web.port = {settings.port}: cannot listen on {settings.host}: {error.strerror}; "
                "stop what uses it or choose another with --port"
            ) from error
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every page (1001) and the port."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
