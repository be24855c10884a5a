"""Our figures beside what is asked of them and beside other engines, as they were measured in November 2026.

By the same rules on a machine of two cores; `benchmarks/peers.py` measures them again beside ours in one run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

type Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: our figure's name, what is asked of it, peers' figures in its unit.

    `more`: larger is better. `memory_mb` is what is asked of the memory, 0: nothing.
    """

    title: str
    figure: str
    asked: float
    peers: Mapping[str, float] = field(default_factory=dict)
    more: bool = False
    memory: str = ""
    memory_mb: float = 0.0


LINES = (
    Line(
        "fast backtest, ms",
        "fast_ms",
        4.0,
        {
            "vectorbt": 10.9,
            "pandas-ta and a loop": 262.0,
            "backtesting.py": 354.0,
            "freqtrade": 960.0,
            "jesse": 970.0,
            "nautilus_trader": 1_200.0,
            "indicators anew at every bar": 550_000.0,
        },
    ),
    Line("whole backtest command, s", "command_s", 1.5, {"freqtrade": 5.2}),
    Line(
        "324-set sweep, ms",
        "sweep_ms",
        30.0,
        {"vectorbt": 1_200.0, "backtesting.py": 64_000.0, "freqtrade hyperopt, 2 cores": 270_000.0},
        memory="sweep_memory_mb",
        memory_mb=250.0,
    ),
    Line(
        "whole 324-set sweep command, s",
        "sweep_command_s",
        0.0,
        memory="sweep_command_memory_mb",
        memory_mb=250.0,
    ),
    Line("the same as walk-forward, 9 folds, ms", "walk_forward_ms", 60.0, {"vectorbt": 3_000.0}),
    Line(
        "exact backtest, bars/s",
        "exact_bars_per_s",
        50_000.0,
        {"backtesting.py": 99_000.0, "jesse": 36_000.0, "freqtrade": 36_000.0, "nautilus_trader": 29_000.0},
        more=True,
    ),
    Line(
        "263 symbols, fast, s",
        "many_fast_s",
        1.5,
        {"freqtrade, 50 pairs": 55.0},
        memory="many_fast_memory_mb",
        memory_mb=1_000.0,
    ),
    Line("263 symbols x 324 sets, s", "many_sweep_s", 5.0, memory="many_sweep_memory_mb", memory_mb=1_000.0),
    Line(
        "whole command of 263 symbols x 324 sets, s",
        "many_command_s",
        5.0,
        memory="many_command_memory_mb",
        memory_mb=1_000.0,
    ),
)


def table(found: Mapping[str, object]) -> list[Row]:
    """Each line: our median, what is asked and whether it is reached, how many times better than each peer."""
    return [_row(line, found) for line in LINES]


def _row(line: Line, found: Mapping[str, object]) -> Row:
    ours = float(str(found[line.figure]))
    memory = float(str(found[line.memory])) if line.memory else None
    fast = not line.asked or (ours >= line.asked if line.more else ours <= line.asked)
    small = memory is None or memory <= line.memory_mb
    return {
        "line": line.title,
        "ours": ours,
        "asked": line.asked or None,
        "memory_mb": memory,
        "memory_asked_mb": line.memory_mb or None,
        "reached": fast and small,
        "peers": {
            name: {"figure": theirs, "ratio": round(ours / theirs if line.more else theirs / ours, 2)}
            for name, theirs in line.peers.items()
        },
    }
