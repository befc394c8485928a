# ruff: noqa: E501, T201, PTH123, RUF, PERF, ANN, S101 - kept as it came
"""Independent checker of a night plan: value, or the first violations.

Kept as it came with the instances in `tests/data/planner` (see the README there): it shares no code with
the planner, which is the point of it.

usage: check_plan.py INSTANCE.json PLAN.json
INSTANCE (format pyros-plan-instance/1) is described in README.md beside this file. PLAN is
{"plan": [{"id": ..., "start_s": seconds after night.start_utc}, ...], "rejected": [{"id", "reason", "detail"}, ...]}.
Prints one JSON line; exit status 1 when the plan breaks a rule. Standard library only.
"""
import json
import math
import sys

SIDEREAL_DEG_PER_S = 360.98564736629 / 86400


def sin_altitude(inst, seq, t_s):
    """Sine of the altitude of SEQ at T_S seconds after the night's start (instance geometry: no refraction)."""
    ha = math.radians(inst["night"]["lst_at_start_deg"] + SIDEREAL_DEG_PER_S * t_s - seq["ra_deg"])
    phi, dec = math.radians(inst["site"]["latitude_deg"]), math.radians(seq["dec_deg"])
    return math.sin(phi) * math.sin(dec) + math.cos(phi) * math.cos(dec) * math.cos(ha)


def best_sin_altitude(inst, seq):
    """Largest sine of the altitude at mid-exposure over all feasible starts, on a 10 s grid."""
    half = seq["duration_s"] / 2
    return max(sin_altitude(inst, seq, t + half) for a, b in seq["windows_s"]
               for t in range(int(a), int(b - seq["duration_s"]) + 1, 10))


def setup_s(inst, before, seq):
    """Set-up between two sequences: slew + settle, or the filter change, whichever is longer; whole seconds."""
    if before is None:
        return 0
    tel = inst["telescope"]
    d1, d2 = math.radians(before["dec_deg"]), math.radians(seq["dec_deg"])
    dra = math.radians(before["ra_deg"] - seq["ra_deg"])
    cos = math.sin(d1) * math.sin(d2) + math.cos(d1) * math.cos(d2) * math.cos(dra)
    slew = tel["settle_s"] + math.degrees(math.acos(max(-1.0, min(1.0, cos)))) / tel["slew_rate_deg_s"]
    change = tel["filter_change_s"] if before["filter"] != seq["filter"] else 0
    return math.ceil(max(slew, change) - 1e-9)


def check(inst, plan):
    """Return the figures of PLAN on INST, with every violation in words."""
    by_id = {s["id"]: s for s in inst["sequences"]}
    used = {p["id"]: 0 for p in inst["programmes"]}
    bad, value, end, before, seen, science, setup = [], 0.0, 0.0, None, set(), 0, 0
    for item in sorted(plan["plan"], key=lambda x: x["start_s"]):
        seq, t = by_id.get(item["id"]), item["start_s"]
        if seq is None or item["id"] in seen:
            bad.append(f"{item['id']}: unknown or placed twice")
            continue
        seen.add(item["id"])
        need = setup_s(inst, before, seq)
        if t < end + need - 1e-6:
            bad.append(f"{item['id']}: starts at {t} s, {end + need - t:.1f} s before the set-up is done")
        if not any(a - 1e-6 <= t and t + seq["duration_s"] <= b + 1e-6 for a, b in seq["windows_s"]):
            bad.append(f"{item['id']}: outside its windows")
        used[seq["programme"]] += seq["duration_s"]
        quality = 0.8 + 0.2 * min(1.0, sin_altitude(inst, seq, t + seq["duration_s"] / 2) / best_sin_altitude(inst, seq))
        value += seq["priority"] * seq["duration_s"] / 60 * quality
        end, before, science, setup = t + seq["duration_s"], seq, science + seq["duration_s"], setup + need
    bad += [f"programme {p['id']}: {used[p['id']]} s used of {p['quota_s']} s" for p in inst["programmes"] if used[p["id"]] > p["quota_s"]]
    rejected = {r["id"]: r for r in plan.get("rejected", [])}
    unexplained = [i for i in by_id if i not in seen and not rejected.get(i, {}).get("reason")]
    bound = inst.get("reference", {}).get("upper_bound")
    night = inst["night"]["duration_s"]
    return {"instance": inst["name"], "valid": not bad, "violations": bad[:10], "value": round(value, 1),
            "of_bound": round(value / bound, 4) if bound else None, "placed": len(seen), "unexplained": len(unexplained),
            "science_fraction": round(science / night, 4), "setup_fraction": round(setup / night, 4)}


if __name__ == "__main__":
    with open(sys.argv[1]) as a, open(sys.argv[2]) as b:
        report = check(json.load(a), json.load(b))
    print(json.dumps(report))
    sys.exit(0 if report["valid"] else 1)
