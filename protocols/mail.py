"""Sends one e-mail through an SMTP server. Blocks: call it in an actor's thread."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from pyros.errors import TransientError


class MailError(TransientError):
    """The server cannot be reached, or does not take the message."""


def send_mail(
    *,
    host: str,
    port: int,
    sender: str,
    recipients: tuple[str, ...],
    subject: str,
    text: str,
    timeout_s: float,
    starttls: bool = False,
    login: tuple[str, str] | None = None,
) -> None:
    """Send a message.

    Args:
        host: The server.
        port: Its port.
        sender: From.
        recipients: To.
        subject: One line; line breaks are taken out.
        text: The body.
        timeout_s: Seconds that each step may take.
        starttls: Encrypt first, with the server's certificate checked.
        login: User and password.

    Raises:
        MailError: When it is not taken; the text says by whom and why.
    """
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message.set_content(text)
    try:
        with smtplib.SMTP(host, port, timeout=timeout_s) as server:
            if starttls:
                server.starttls(context=ssl.create_default_context())
            if login is not None:
                server.login(*login)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"mail to {host}:{port} is not sent: {error}") from error
