"""Settings of the notification of burst advocates: whom to tell, and by which way."""

from __future__ import annotations

import msgspec


class MailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E-mail through one server."""

    host: str
    """The mail server."""
    port: int = 25
    """Its port."""
    sender: str
    """From whom."""
    recipients: tuple[str, ...]
    """To whom."""
    starttls: bool = False
    """Whether the connection is encrypted before anything is said."""
    username: str | None = None
    """Who logs in; left out, nobody does."""
    password_file: str | None = None
    """File that holds the password; relative to the configuration file."""


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that is told by HTTP POST of a JSON object."""

    url: str
    """http or https."""
    token_file: str | None = None
    """File that holds a bearer token; relative to the configuration file."""


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[alerts.notify]`: who hears of decision, first image and outcome of each burst."""

    mail: tuple[MailSettings, ...] = ()
    """By e-mail."""
    webhook: tuple[WebhookSettings, ...] = ()
    """By webhook."""
    tests: bool = False
    """Whether operators' test alerts are told too."""
    page: str = ""
    """Address of the live page, put into every message."""
    retry_s: tuple[float, ...] = (2.0, 10.0, 30.0, 120.0)
    """Wall seconds before each further try; then the message is given up and that is an alarm."""
    timeout_s: float = 15.0
    """Wall seconds that one try may take."""
    kept: int = 200
    """Messages that may wait for one way; the oldest goes when there are more."""
