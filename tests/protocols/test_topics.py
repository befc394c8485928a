"""The topic tree."""

from __future__ import annotations

import pytest

from protocols.topics import SITE_UNIT, SiteTopics, checked_id


def test_topics_mirror_the_paths_of_actors() -> None:
    """`/devices/{unit}/{device}` is `pyros/1/{site}/{unit}/{device}` on the wire."""
    dome = SiteTopics("spm").device("t1", "dome")
    assert dome.prop("shutter") == "pyros/1/spm/t1/dome/p/shutter"
    assert dome.command("close") == "pyros/1/spm/t1/dome/cmd/close"
    assert dome.state == "pyros/1/spm/t1/dome/state"
    assert SiteTopics("spm").lease("t1") == "pyros/1/spm/t1/lease"
    assert SiteTopics("spm").device(SITE_UNIT, "plc").event == "pyros/1/spm/site/plc/evt"


@pytest.mark.parametrize("bad", ["", "T1", "cam vis", "a/b", "a+", "#", "dôme", "a\n"])
def test_ids_that_would_break_a_topic_are_refused(bad: str) -> None:
    """Nothing but lower-case letters, digits and hyphens."""
    with pytest.raises(ValueError, match="lower-case"):
        checked_id(bad)
