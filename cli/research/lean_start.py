"""A shorter start of commands that need TA-Lib, numba and pyarrow: each of them reads pandas or scipy just in case.

TA-Lib wraps its functions for pandas, pyarrow looks whether something is a pandas object, numba looks for scipy's
matrix products and for cffi's pointers. None of it is used here, and reading it takes longer than the backtest of a
year. So does looking for garbage while thousands of functions and classes come in that stay to the end.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.about import ROOT

UNUSED = ("pandas", "scipy", "cffi")
OURS = {"quarterdeck", "main"}
"""What the process is called when it is the command's own, and nobody else's imports can be meant."""
GARBAGE_AFTER = 100_000
"""So many more objects than before, and garbage is looked for."""
SPARING = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""No matrix is multiplied, and one allocator is enough: what numpy and pyarrow are told before they are read."""
OWN_STRATEGY = "composite"


@contextmanager
def lean(strategy: str) -> Iterator[bool]:
    """Without what is unused, where the process is the command's own and the strategy one of ours; whether it is so.

    Strategies of users may need all of it, so with those nothing is left out.
    """
    if not is_ours(strategy) or Path(sys.argv[0]).stem not in OURS:
        yield False
        return
    absent = leave_out()
    try:
        yield True
    finally:
        sys.meta_path.remove(absent)


class Absent:
    """An importer who knows of no module of these names, and lets nobody else look for them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Top-level names."""
        self._names = names

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """As the import system asks it: None leaves a name to others."""
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def leave_out() -> Absent:
    """Be sparing, and let nobody import what is unused; answers whom to take away when that is over."""
    gc.set_threshold(GARBAGE_AFTER)
    for name, value in SPARING.items():
        os.environ.setdefault(name, value)
    absent = Absent(UNUSED)
    sys.meta_path.insert(0, absent)
    return absent


def is_ours(strategy: str) -> bool:
    """True for a strategy of the project."""
    return strategy.isidentifier() and (ROOT / "strategies" / strategy / "strategy.py").is_file()


def configured(home: Path | None, config: Path | None) -> str:
    """The strategy that commands take when none is named; empty when there are several."""
    from cli.homes import load, resolve_home

    settings = load(resolve_home(home, os.environ), config, os.environ).settings
    used = {one.strategy for one in settings.symbols}
    return next(iter(used), OWN_STRATEGY) if len(used) <= 1 else ""
