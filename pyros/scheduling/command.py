"""The command `pyros plan`: an instance file in, a plan with reasons out."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyros.clock import datetime_from_unix
from pyros.errors import PermanentError
from pyros.scheduling import questions
from pyros.scheduling.instance_file import read_instance
from pyros.scheduling.night_plan import plan_night
from pyros.scheduling.reasons import clock
from pyros.scheduling.search import default_turns
from pyros.scheduling.what_if import what_if
from pyros.sky.plot import draw_night
from pyros.sky.site import Site
from pyros.sky.targets import FixedTarget
from pyros.sky.twilight import Night

if TYPE_CHECKING:
    import argparse

    from pyros.scheduling.instance import Instance
    from pyros.scheduling.plan import Plan


def add_parser(subparsers: Any) -> None:
    """Add `plan` to the sub-commands of an `argparse` parser; `options.run(options)` runs it."""
    parser = subparsers.add_parser("plan", help="plan a night from an instance file")
    parser.add_argument("instance", type=Path, help="JSON file, format pyros-plan-instance/1")
    parser.add_argument("--iterations", type=int, help="turns of the search; by size when absent")
    parser.add_argument("--seed", type=int, default=0, help="of the search; 0")
    parser.add_argument("--greedy", action="store_true", help="the first plan only, at once")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--why", metavar="ID", help="say why a sequence is or is not planned")
    parser.add_argument("--plot", type=Path, help="draw the night and its plan into this PNG file")
    questions.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run a parsed `plan` command; returns the exit status.

    Raises:
        PermanentError: When the instance or an option is wrong, a line for each fault.
    """
    instance = read_instance(options.instance)
    known = {sequence.id for sequence in instance.sequences}
    if options.why is not None and options.why not in known:
        raise PermanentError(f"--why {options.why}: no such sequence in {options.instance}")
    if options.iterations is not None and options.iterations < 0:
        raise PermanentError(f"--iterations {options.iterations}: give 0 or more")
    if options.seed < 0:
        raise PermanentError(f"--seed {options.seed}: give 0 or more")
    asked = questions.question(options, instance)
    instance = instance if asked is None else asked.instance
    iterations = options.iterations
    if options.greedy:
        iterations = 0
    elif iterations is None:
        iterations = default_turns(instance)
    begun = time.process_time()
    plan = plan_night(instance, seed=options.seed, iterations=iterations)
    answer = None
    if asked is not None:
        answer = what_if(instance, plan, asked.events, now_s=asked.now_s)
        plan = answer.plan
    cpu_s = time.process_time() - begun
    if options.why is not None:
        _print(_why(plan, options.why))
    elif options.json:
        extra = {} if answer is None else {"what_if": questions.as_json(answer)}
        _print(json.dumps({**as_json(plan, cpu_s=cpu_s), **extra}))
    elif answer is not None:
        _print("\n".join(questions.sentences(answer)))
    else:
        _print_plan(instance, plan, cpu_s)
    if options.plot is not None:
        _plot(instance, plan, options.plot)
    return 0


def as_json(plan: Plan, *, cpu_s: float) -> dict[str, Any]:
    """The plan as the object that `pyros plan --json` prints."""
    return {
        "plan": [
            {
                "id": p.id,
                "start_s": p.start_s,
                "end_s": p.end_s,
                "telescope": p.telescope,
                "value": round(p.value, 3),
                "bonus": p.bonus,
            }
            for p in plan.placements
        ],
        "rejected": [
            {
                "id": r.id,
                "reason": r.reason.value,
                "detail": r.sentence,
                "numbers": dict(r.numbers),
            }
            for r in plan.rejected
        ],
        "value": round(plan.value, 3),
        "seed": plan.seed,
        "iterations": plan.iterations,
        "cpu_s": round(cpu_s, 4),
        "input_hash": plan.input_hash,
    }


def _why(plan: Plan, sequence_id: str) -> str:
    rejection = plan.rejection(sequence_id)
    if rejection is not None:
        return f"{sequence_id} is not planned: {rejection.reason.value}: {rejection.sentence}"
    placement = plan.placement(sequence_id)
    if placement is None:
        return f"{sequence_id} is not in this plan"
    extra = " (beyond its quota, in idle time)" if placement.bonus else ""
    return (
        f"{sequence_id} is planned from {clock(placement.start_s)} to {clock(placement.end_s)} on "
        f"{placement.telescope}, worth {placement.value:.1f}{extra}"
    )


def _print_plan(instance: Instance, plan: Plan, cpu_s: float) -> None:
    start = datetime_from_unix(instance.night.start_unix_s)
    for p in plan.placements:
        moment = start + timedelta(seconds=p.start_s)
        flag = " bonus" if p.bonus else ""
        _print(
            f"{moment:%Y-%m-%d %H:%M:%S}  {p.end_s - p.start_s:6d} s  {p.telescope:12s} "
            f"{p.id:16s} {p.value:9.1f}{flag}"
        )
    for r in plan.rejected:
        _print(f"not planned  {r.id:16s} {r.reason.value}: {r.sentence}")
    figures = plan.metrics
    bound = instance.reference.get("upper_bound")
    share = f" ({plan.value / bound:.2%} of the bound)" if bound else ""
    _print(
        f"value {plan.value:.1f}{share}, {figures.placed} placed, {len(plan.rejected)} not; "
        f"science {figures.science_fraction:.1%}, set-up {figures.setup_fraction:.1%}, "
        f"mean quality {figures.mean_quality:.3f}; seed {plan.seed}, {plan.iterations} iterations, "
        f"{cpu_s:.2f} s CPU"
    )


def _plot(instance: Instance, plan: Plan, path: Path) -> None:
    place = instance.night
    site = Site(
        name=instance.name,
        latitude_deg=place.latitude_deg,
        longitude_deg=place.longitude_deg,
        height_m=place.height_m,
    )
    by_id = {s.id: s for s in instance.sequences}
    targets = [
        (
            p.id,
            FixedTarget(ra_deg=by_id[p.id].ra_deg, dec_deg=by_id[p.id].dec_deg),
            [(place.start_unix_s + p.start_s, place.start_unix_s + p.end_s)],
        )
        for p in plan.placements
    ]
    title = f"{instance.name}: {len(plan.placements)} planned, value {plan.value:.0f}"
    draw_night(Night.at(site, place.start_unix_s), targets, path, title=title)


def _print(text: str) -> None:
    print(text)  # noqa: T201 - a command's answer to its user
