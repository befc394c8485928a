"""Settings of the pages' server: where it listens and what it lets in."""

from __future__ import annotations

import msgspec


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the pages are served and how generously."""

    host: str = "127.0.0.1"
    """Address to listen on; there are no accounts yet, so leave it to this machine."""

    port: int = 8642
    """TCP port; 0 takes a free one."""

    allowed_hosts: tuple[str, ...] = ()
    """Names by which the server may be called beside localhost (a proxy's name), without port."""

    max_packet_bytes: int = 2_000_000
    """Largest alert packet taken by `POST /api/1/alerts`, bytes."""

    flush_period_s: float = 0.1
    """Wall seconds between two messages to one page: 0.1 is ten a second."""

    stuck_after_s: float = 10.0
    """Wall seconds after which a page that does not read is dropped."""

    max_clients: int = 500
    """Most pages open at once."""
