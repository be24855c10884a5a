"""A shorter start of commands that need TA-Lib, numba and pyarrow: each of them reads pandas or scipy just in case.

TA-Lib wraps its functions for pandas, pyarrow looks whether something is a pandas object, numba looks for scipy's
matrix products. None of it is used here, and reading it takes longer than the backtest of a year.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from cli.about import ROOT

UNUSED = ("pandas", "scipy")
OURS = {"quarterdeck", "main"}
"""What the process is called when it is the command's own, and nobody else's imports can be meant."""


@contextmanager
def lean(strategy: str) -> Iterator[None]:
    """Without pandas and scipy, where the process is the command's own and the strategy one of ours.

    Strategies of users may need both, so with those nothing is left out.
    """
    ours = strategy.isidentifier() and (ROOT / "strategies" / strategy / "strategy.py").is_file()
    if not ours or Path(sys.argv[0]).stem not in OURS:
        yield
        return
    modules = cast("dict[str, object]", sys.modules)
    absent = [name for name in UNUSED if name not in modules]
    modules.update(dict.fromkeys(absent))  # None is the import system's own sign for what is not there
    try:
        yield
    finally:
        for name in absent:
            modules.pop(name, None)
