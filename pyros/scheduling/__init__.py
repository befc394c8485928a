"""The night planner: an instance in, a plan out, with a reason for everything left out.

A pure library: no actors, network, database or clock inside. `plan_night` gives a first plan in
milliseconds (`iterations=0`) or a searched one; `repair` keeps a running plan valid after an event.
"""

from pyros.scheduling.instance import (
    Committed,
    Instance,
    Night,
    NoWindow,
    Programme,
    Sequence,
    Telescope,
)
from pyros.scheduling.instance_file import InstanceFaults, instance_from_json, read_instance
from pyros.scheduling.night_plan import plan_night
from pyros.scheduling.plan import Metrics, Placement, Plan, Reason, Rejection
from pyros.scheduling.repair import Repaired, refit, repair
from pyros.scheduling.search import default_turns
from pyros.scheduling.what_if import WhatIf, what_if

__all__ = [
    "Committed",
    "Instance",
    "InstanceFaults",
    "Metrics",
    "Night",
    "NoWindow",
    "Placement",
    "Plan",
    "Programme",
    "Reason",
    "Rejection",
    "Repaired",
    "Sequence",
    "Telescope",
    "WhatIf",
    "default_turns",
    "instance_from_json",
    "plan_night",
    "read_instance",
    "refit",
    "repair",
    "what_if",
]
