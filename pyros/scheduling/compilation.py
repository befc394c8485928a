"""One source, two speeds: the search's inner loop as plain Python, or compiled by numba.

`pyros.scheduling.ruin_recreate` is written for scalars and flat sequences. Imported normally it is
plain Python over lists, quick enough for first plans and repairs. `compiled_loop` loads the same
file a second time with every `@jit` function compiled, for searches. Both give the same plans, bit
by bit: integer times, additions in the same order, random numbers from an integer generator, no
transcendental function.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from types import ModuleType

F = TypeVar("F", bound=Callable[..., object])

_compiling: list[bool] = []


def jit(function: F) -> F:
    """Mark a function of the inner loop; compiled only while `compiled_loop` loads its module."""
    if not _compiling:
        return function
    import numba  # noqa: PLC0415 - optional extra, heavy, wanted by searches only

    return cast("F", numba.njit(cache=True, error_model="numpy")(function))


@lru_cache(maxsize=1)
def can_compile() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


@lru_cache(maxsize=4)
def compiled_loop(name: str) -> ModuleType:
    """The module `name` with its `@jit` functions compiled (machine code is cached on disk).

    Raises:
        ModuleNotFoundError: When numba or the module is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module {name} to compile")
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"{name}_compiled"] = module
    _compiling.append(True)
    try:
        spec.loader.exec_module(module)
    finally:
        _compiling.pop()
    return module
