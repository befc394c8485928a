"""Settings of the sequencer: its patience."""

from __future__ import annotations

import msgspec


class SequencerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a sequence is executed on one telescope."""

    focus_channel: str = "cam-vis"
    """The channel whose filter decides the focus; the other channels are parfocal by design."""
    align_timeout_s: float = 150.0
    """Seconds to wait for the slit after the telescope is on target."""
    exposure_margin_s: float = 90.0
    """Seconds beyond exposure time after which a frame that did not come has failed."""
    abort_timeout_s: float = 60.0
    """Seconds given to a readout when a sequence is aborted."""
