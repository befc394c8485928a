"""Tokens of those who post alert packets by HTTP: read once, compared in constant time.

A token is a secret in a file of its own or an environment variable, never in the configuration.
Here it lives on as its SHA-256 only. Whose token it is says which source brought a packet, and with
that what the packet may do.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from actors.alert_source.settings import HttpTokenSettings

MIN_LENGTH = 24
"""Shortest token, characters: 144 bits when it is random base 64."""
MAX_LENGTH = 512
RESERVED = frozenset(
    {"file", "gcn-kafka", "http", "injected", "mqtt", "operator", "vtp", "vtp-broker"}
)
"""Sources that have another way in: no token may speak with their trust."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class HttpTokens:
    """The tokens that are taken.

    Attributes:
        digests: Name of the source and SHA-256 of its token.
    """

    digests: tuple[tuple[str, bytes], ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.digests)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources."""
        return tuple(name for name, _ in self.digests)

    def source_of(self, token: str) -> str | None:
        """Whose token it is; None when nobody's. All are compared, whichever fits."""
        given = _digest(token)
        found: str | None = None
        for name, digest in self.digests:
            if hmac.compare_digest(given, digest):
                found = name
        return found


def load_tokens(
    settings: Iterable[HttpTokenSettings], folder: Path, environment: Mapping[str, str]
) -> HttpTokens:
    """Read the tokens that the configuration names.

    Args:
        settings: `[[alerts.sources.http]]`.
        folder: Where the configuration file lies.
        environment: Environment variables.

    Raises:
        ConfigurationError: When a name is taken or reserved, or a token is missing, weak, equal to
            another one, or readable by others.
    """
    digests: dict[str, bytes] = {}
    for one in settings:
        where = f"alerts.sources.http {one.name!r}"
        if not _NAME.fullmatch(one.name):
            raise ConfigurationError(f"{where}: a name is 1 to 40 of a-z, 0-9 and -")
        if one.name in RESERVED:
            raise ConfigurationError(
                f"{where}: that source has another way in; choose a name that is none of "
                f"{', '.join(sorted(RESERVED))}"
            )
        if one.name in digests:
            raise ConfigurationError(f"{where}: the name is given twice; each token has its own")
        digest = _digest(_token(one, where, folder, environment))
        if digest in digests.values():
            raise ConfigurationError(f"{where}: another source has the same token; make a new one")
        digests[one.name] = digest
    return HttpTokens(tuple(digests.items()))


def _token(one: HttpTokenSettings, where: str, folder: Path, environment: Mapping[str, str]) -> str:
    if (one.token_file is None) == (one.token_variable is None):
        raise ConfigurationError(f"{where}: give token_file or token_variable, one of the two")
    if one.token_variable is not None:
        place = f"{where}: environment variable {one.token_variable}"
        text = environment.get(one.token_variable)
        if text is None:
            raise ConfigurationError(f"{place} is not set; set it to the token")
    else:
        path = folder / str(one.token_file)
        place = f"{where}: {path}"
        text = _read_private(path, place)
    token = text.strip()
    if not MIN_LENGTH <= len(token) <= MAX_LENGTH or not _TOKEN.fullmatch(token):
        raise ConfigurationError(
            f"{place}: a token is {MIN_LENGTH} to {MAX_LENGTH} printable characters without blanks "
            f"(there are {len(token)}); make one with `openssl rand -base64 32`"
        )
    return token


def _read_private(path: Path, place: str) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{place}: the token cannot be read: {error.strerror}; create the file, mode 600"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{place}: is no text; put the token alone there") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            f"{place}: others may use it (mode {stat.S_IMODE(mode):03o}); chmod 600 it"
        )
    return text


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
