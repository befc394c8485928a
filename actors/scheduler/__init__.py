"""The scheduler: a thin adapter of the stand-alone planner."""
