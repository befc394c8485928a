"""The planner's figures: one JSON line each, measured in CPU time, peers in the same run.

usage: bench/planner.py [--quick]        (from the repository's root, in its virtual environment)

Prints {"figure", "value", "unit", "target", ...}; a figure that misses its target is printed as
it is.
CPU time is the process's own; times are the smallest of several, except
percentiles.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyros.scheduling import Sequence, plan_night, read_instance, repair
from pyros.scheduling.compilation import can_compile
from pyros.scheduling.events import AlertArrived, Closure
from pyros.scheduling.greedy import first_state
from pyros.scheduling.problem import build
from pyros.scheduling.reasons import explain
from pyros.scheduling.ruin_recreate import settle
from pyros.scheduling.search import default_turns
from pyros.sky import Constraints, FixedTarget, HorizonMask, Night, Site, SkyGrid
from pyros.sky.windows import windows, windows_of_places

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.scheduling import Instance, Plan

ROOT = Path(__file__).parents[1]
INSTANCES = ROOT / "tests" / "data" / "planner"
SHARES = {"pool-50-0": 0.99, "pool-200-0": 0.97, "pool-1000-0": 0.98, "short-300-0": 0.97}
SHARE_TURNS = {
    "pool-50-0": 300_000,
    "pool-200-0": 200_000,
    "pool-1000-0": 60_000,
    "short-300-0": 60_000,
}
PLAIN_TURNS = {"pool-50-0": 8_000, "pool-200-0": 8_000, "pool-1000-0": 4_000, "short-300-0": 3_000}


def show(figure: str, value: float, unit: str, target: str, **more: Any) -> None:
    """Print one figure."""
    line = {"figure": figure, "value": round(value, 4), "unit": unit, "target": target, **more}
    print(json.dumps(line), flush=True)


def cpu_ms(function: Callable[[], Any], repeats: int = 7) -> float:
    """Smallest CPU time of several calls, in milliseconds."""
    best = 1e9
    for _ in range(repeats):
        begun = time.process_time()
        function()
        best = min(best, time.process_time() - begun)
    return best * 1e3


def load_checker() -> Any:
    """The independent checker."""
    spec = importlib.util.spec_from_file_location("check_plan", ROOT / "tests/peers/check_plan.py")
    assert spec is not None  # noqa: S101 - the file is in the repository
    assert spec.loader is not None  # noqa: S101 - the file is in the repository
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checked(checker: Any, name: str, plan: Plan) -> dict[str, Any]:
    """The checker's report on a plan of a published instance."""
    data = json.loads((INSTANCES / f"{name}.json").read_text())
    placed = [{"id": p.id, "start_s": p.start_s} for p in plan.placements]
    left = [{"id": r.id, "reason": r.reason.value, "detail": r.sentence} for r in plan.rejected]
    report: dict[str, Any] = checker.check(data, {"plan": placed, "rejected": left})
    return report


def plans(instances: dict[str, Instance], checker: Any, *, quick: bool) -> None:
    """First plans, searches within 4 s, searches within 60 s."""
    for name, instance in instances.items():
        reference = instance.reference
        took = cpu_ms(lambda i=instance: plan_night(i), 5)
        report = checked(checker, name, plan_night(instance))
        target = "<= 50 for 200 sequences"
        show(f"first plan {name}", took, "ms CPU", target, value_of_bound=report["of_bound"])
        show(
            f"first plan value {name}", report["value"], "value",
            f">= {reference['greedy']} (reference greedy)", valid=report["valid"],
            unexplained=report["unexplained"],
        )  # fmt: skip
    if can_compile():
        plan_night(instances["pool-50-0"], iterations=3, compiled=True)
    loops = [True, False] if can_compile() else [False]
    for name, instance in instances.items():
        for compiled in loops:
            turns = default_turns(instance, compiled=compiled)
            begun = time.process_time()
            plan = plan_night(instance, seed=1, iterations=turns, compiled=compiled)
            took_s = time.process_time() - begun
            report = checked(checker, name, plan)
            show(
                f"search {name} ({'numba' if compiled else 'plain'})", report["value"], "value",
                f">= {instance.reference['search']} (reference search) within 4 s CPU",
                cpu_s=round(took_s, 2), iterations=turns, of_bound=report["of_bound"],
                valid=report["valid"], unexplained=report["unexplained"],
            )  # fmt: skip
        if quick:
            continue
        turns = (SHARE_TURNS if can_compile() else PLAIN_TURNS)[name]
        begun = time.process_time()
        plan = plan_night(instance, seed=2, iterations=turns)
        took_s = time.process_time() - begun
        report = checked(checker, name, plan)
        show(
            f"long search {name}", report["of_bound"], "of the bound",
            f">= {SHARES[name]} within 60 s CPU", cpu_s=round(took_s, 2), iterations=turns,
        )  # fmt: skip


def reactions(instance: Instance) -> None:
    """Bursts and closures at random instants of the night of 200."""
    first = instance.programmes[0]
    roomy = replace(
        instance,
        programmes=(replace(first, quota_s=first.quota_s + 1200), *instance.programmes[1:]),
    )
    plan = plan_night(roomy, iterations=200)
    chance = random.Random(1)  # noqa: S311 - a seeded draw of instants, no secret
    times, moves = [], list[int]()
    for turn in range(200):
        now_s = float(chance.randrange(600, 36000))
        event: AlertArrived | Closure = Closure(start_s=now_s, end_s=now_s + 3600.0)
        if turn % 2 == 0:
            ra = (roomy.night.lst_at_start_deg + now_s * 360.98565 / 86400.0) % 360.0
            event = AlertArrived(
                sequence=Sequence(
                    id="burst", programme=first.id, priority=100.0, filter="f1", ra_deg=ra,
                    dec_deg=chance.uniform(-10, 60), duration_s=1200.0,
                    windows_s=((now_s, now_s + 5000.0),),
                )
            )  # fmt: skip
        begun = time.process_time()
        done = repair(roomy, plan, event, now_s=now_s)
        times.append(time.process_time() - begun)
        moves += (abs(seconds) for seconds in done.moved_s.values())
    show(
        "burst or closure to valid plan, 200 sequences", float(np.percentile(times, 95)) * 1e3,
        "ms CPU p95", "<= 5", median_ms=round(float(np.median(times)) * 1e3, 2),
        moved_at_most_s=max(moves), moved_beyond_300_s=sum(m > 300 for m in moves) / len(moves),
    )  # fmt: skip


def sky(*, quick: bool) -> None:
    """Windows of a thousand targets and of one, all constraints; astroplan's three beside it."""
    mask = HorizonMask.from_points([(0, 15), (90, 25), (180, 10), (270, 20)])
    site = Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2830.0, horizon=mask)
    night = Night(site, "2026-11-20")
    span = night.span(-0.8333)
    assert span is not None  # noqa: S101 - there is a night in November
    limits = Constraints(
        min_altitude_deg=30.0, max_airmass=2.0, min_sky_mag=18.5, max_altitude_deg=88.0
    )
    random_ = np.random.default_rng(0)
    ra = random_.uniform(0, 360, 1000)
    dec = np.degrees(np.arcsin(random_.uniform(-0.6, 1, 1000)))

    def whole() -> None:
        grid = SkyGrid.over(site, *span)
        windows_of_places(grid, grid.engine.places(ra, dec), limits, exposure_s=600.0)

    grid = SkyGrid.over(site, *span)
    places = grid.engine.places(ra, dec)
    windows_of_places(grid, places, limits, exposure_s=600.0)
    steps = grid.unix_s.size
    again = cpu_ms(
        lambda: windows_of_places(grid, grid.engine.places(ra, dec), limits, exposure_s=600.0), 15
    )
    show("windows of 1,000 targets x 1 min, all constraints", again, "ms CPU", "<= 10", steps=steps)
    show("the same with the night's own set-up", cpu_ms(whole), "ms CPU", "", steps=steps)
    targets = [FixedTarget(ra_deg=r, dec_deg=d) for r, d in zip(ra[:200], dec[:200], strict=True)]
    one = cpu_ms(lambda: [windows(grid, t, limits, exposure_s=600.0) for t in targets], 9) / 200
    show("windows of one alert target", one, "ms CPU", "<= 0.1")
    show(
        "twilights, Sun and Moon of a night",
        cpu_ms(lambda: Night(site, "2026-11-21").events(), 5),
        "ms CPU",
        "",
    )
    if not quick:
        from planner_peers import astroplan_windows_ms  # noqa: PLC0415 - only the full run has peers

        peer = astroplan_windows_ms(site, ra, dec, span)
        show(
            "astroplan: three constraints, 1,000 targets x 1 min",
            peer,
            "ms CPU",
            "",
            ratio=round(peer / again, 1),
        )


def reasons(instance: Instance) -> None:
    """Reasons for everything that a night of a thousand leaves out."""
    problem = build(instance)
    tables = problem.tables(compiled=False)
    state = first_state(problem, tables)
    settle(tables, state)
    found = explain(problem, tables, state, charged=tuple(state.used))
    took = cpu_ms(lambda: explain(problem, tables, state, charged=tuple(state.used)))
    missing = len(instance.sequences) - sum(state.placed) - len(found)
    show(
        "reasons for 1,000 sequences", took, "ms CPU", "<= 50", rejected=len(found), missing=missing
    )


def main() -> None:
    """Run all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no long searches and no peers")
    quick = parser.parse_args().quick
    instances = {name: read_instance(INSTANCES / f"{name}.json") for name in SHARES}
    checker = load_checker()
    sky(quick=quick)
    reasons(instances["pool-1000-0"])
    reactions(instances["pool-200-0"])
    plans(instances, checker, quick=quick)
    if not quick:
        from planner_peers import against_astroplan  # noqa: PLC0415 - only the full run has peers

        against_astroplan(show)


if __name__ == "__main__":
    main()
