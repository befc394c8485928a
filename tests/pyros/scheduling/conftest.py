"""The independent checker and the published instances, as fixtures."""

from __future__ import annotations

import importlib.util

import pytest

from pyros.scheduling import Instance, read_instance
from tests.pyros.scheduling.nights import INSTANCES, NAMES, TESTS


def _load_checker():
    path = TESTS / "peers" / "check_plan.py"
    spec = importlib.util.spec_from_file_location("check_plan", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def checker():
    """The independent checker of `tests/peers`."""
    return _load_checker()


@pytest.fixture(scope="session")
def judge(checker):
    """A function that lets the checker judge a plan against an instance as JSON."""

    def judged(data, plan):
        placed = [{"id": p.id, "start_s": p.start_s} for p in plan.placements]
        left = [{"id": r.id, "reason": r.reason.value, "detail": r.sentence} for r in plan.rejected]
        return checker.check(data, {"plan": placed, "rejected": left})

    return judged


@pytest.fixture(scope="session")
def instances() -> dict[str, Instance]:
    """The four published instances by name."""
    return {name: read_instance(INSTANCES / f"{name}.json") for name in NAMES}
