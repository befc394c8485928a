"""Topic names and topic filters: what is well formed, and which filter matches which name.

Rules of MQTT 3.1.1 and 5.0, chapter 4.7 (levels, wildcards, `$` topics) and 5.0 chapter 4.8.2
(shared subscriptions, `$share/{group}/{filter}`).
"""

from __future__ import annotations

from pyros.errors import PermanentError

_MAX_BYTES = 65535
_SHARE = "$share/"


class MqttTopicError(PermanentError):
    """A topic name or filter is malformed; the text names it and the rule."""


def check_topic_name(topic: str) -> None:
    """Refuse what may not be published to.

    Raises:
        MqttTopicError: When empty, too long, or with a wildcard or a null character.
    """
    if not topic:
        raise MqttTopicError("topic name is empty; give at least one character")
    if "+" in topic or "#" in topic or "\0" in topic:
        raise MqttTopicError(
            f"topic name {topic!r} has '+', '#' or a null; publish to a plain name"
        )
    if len(topic) > _MAX_BYTES // 4 and len(topic.encode()) > _MAX_BYTES:
        raise MqttTopicError(f"topic name of {len(topic)} characters is longer than 65535 bytes")


def check_topic_filter(topic_filter: str) -> None:
    """Refuse what may not be subscribed to.

    Raises:
        MqttTopicError: When empty, too long, with a misplaced wildcard, or a malformed share.
    """
    _, plain = split_share(topic_filter)
    if not plain:
        raise MqttTopicError("topic filter is empty; give at least one character")
    if "\0" in plain:
        raise MqttTopicError(f"topic filter {topic_filter!r} has a null character")
    if len(topic_filter) > _MAX_BYTES // 4 and len(topic_filter.encode()) > _MAX_BYTES:
        raise MqttTopicError(
            f"topic filter of {len(topic_filter)} characters is longer than 65535 bytes"
        )
    if "#" not in plain and "+" not in plain:
        return
    levels = plain.split("/")
    for position, level in enumerate(levels):
        if "#" in level and (level != "#" or position != len(levels) - 1):
            raise MqttTopicError(
                f"topic filter {topic_filter!r}: '#' must be alone in the last level"
            )
        if "+" in level and level != "+":
            raise MqttTopicError(f"topic filter {topic_filter!r}: '+' must be alone in its level")


def split_share(topic_filter: str) -> tuple[str | None, str]:
    """The share group and the plain filter of a subscription; the group is None when not shared.

    Raises:
        MqttTopicError: When it starts like a shared subscription but names no group or filter.
    """
    if not topic_filter.startswith(_SHARE):
        return None, topic_filter
    group, _, plain = topic_filter[len(_SHARE) :].partition("/")
    if not group or not plain or "+" in group or "#" in group:
        raise MqttTopicError(
            f"shared subscription {topic_filter!r} must read $share/GROUP/FILTER, plain GROUP"
        )
    return group, plain


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether a plain filter (no `$share/`) matches a topic name."""
    if topic_filter == topic:
        return True
    wanted = topic_filter.split("/")
    levels = topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(levels) or level not in {"+", levels[position]}:
            return False
    return len(wanted) == len(levels)
