"""Fixtures of the kernel's tests."""

import pytest

from tests.pyros.actor.probes import World


@pytest.fixture
def world() -> World:
    """What the probes of this test share."""
    return World()
