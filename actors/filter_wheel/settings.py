"""What may be set about a filter wheel: the filters it holds."""

from __future__ import annotations

from actors.device.settings import DeviceSettings


class FilterWheelSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a filter wheel."""

    blocking: bool = False
    """A lost wheel makes its channel's sequences unplannable; the others go on."""

    filters: tuple[str, ...] = ()
    """Names of the filters in the wheel; a name that is not here is refused. Empty: any name."""

    def __post_init__(self) -> None:
        """Refuse filters of one name.

        Raises:
            ValueError: When a name stands twice.
        """
        DeviceSettings.__post_init__(self)
        twice = sorted({name for name in self.filters if self.filters.count(name) > 1})
        if twice:
            raise ValueError(f"filters: {', '.join(twice)} stands twice; name each slot once")
