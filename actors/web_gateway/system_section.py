"""The tree of actors as the page shows it: state, restarts, mailbox depth, last error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.web_gateway.json_values import number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.web_gateway.changes import Json
    from pyros.actor import ActorInfo


def system_section(tree: Iterable[ActorInfo], dead_letters: int) -> dict[str, Json]:
    """The tree as an object: actors in the order of their paths, and letters nobody received."""
    return {"actors": [_actor(info) for info in tree], "dead_letters": dead_letters}


def _actor(info: ActorInfo) -> Json:
    return {
        "path": info.path,
        "state": str(info.state),
        "incarnation": info.incarnation,
        "restarts": info.restarts,
        "handled": info.handled,
        "kind": info.kind,
        "depth": sum(info.depth),
        "oldest_s": number(info.oldest_age_s, 3),
        "last_error": info.last_error,
        "current": info.current,
    }
