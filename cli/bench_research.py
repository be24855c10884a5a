"""`quarterdeck bench research`: how fast research is here, each row measured warm in a process of its own."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import cast

import numpy as np

from bot.domain.errors import ConfigError, QuarterdeckError
from bot.strategy import Frame, Strategy, Value
from cli.bench_research_peers import table
from cli.bench_research_whole import whole
from research.arrays.spread import side_by_side
from research.arrays.tallies import tallies
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.history import read_candles
from research.results.plan import Plan, Rules
from strategies.registry import Registry

SEED = 7
YEAR_BARS = 35_040
FOLDS = 9
STRATEGY = "composite"
GRID: dict[str, tuple[Value, ...]] = {
    "atr_sl_mult": (1.0, 1.5, 2.0),
    "atr_tp_mult": (2.0, 3.0, 4.0),
    "signal_threshold": (3, 4, 5),
    "adx_threshold": (0.0, 20.0, 25.0, 30.0),
    "volume_multiplier": (1.5, 2.0, 2.5),
}
PLACES = ("open", "high", "low", "close", "volume")

type Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class BenchResearch:
    """What is asked: candles of one symbol (None: generated), symbols of the rows of many, runs, the form."""

    candles: Path | None
    symbols: int
    runs: int
    json: bool


@dataclass(frozen=True, slots=True)
class Stand:
    """What a row runs on: a year of candles, its file, how many symbols and runs."""

    frame: Frame
    file: Path
    symbols: int
    runs: int


def run_research_bench(asked: BenchResearch) -> int:
    """Measure every row and print."""
    for name, given, high in (("symbols", asked.symbols, 600), ("runs", asked.runs, 1_000)):
        if not 1 <= given <= high:
            raise ConfigError(f"--{name} {given}: is not allowed; a whole number from 1 to {high}")
    frame = _year(asked.candles)
    found: dict[str, object] = {
        "candles": str(asked.candles) if asked.candles else f"generated, seed {SEED}",
        "bars": len(frame),
        "symbols": asked.symbols,
        "processors": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "BENCHUSDT.parquet"
        _write(frame, file)
        for name in ROWS:
            found |= _in_a_process(name, file, asked)
    found["load_after"] = round(os.getloadavg()[0], 2)
    found["table"] = table(found)
    sys.stdout.write(json.dumps(found) + "\n" if asked.json else _told(found))
    return 0


def _told(found: Mapping[str, object]) -> str:
    lines = [f"{name:<32} {figure}" for name, figure in found.items() if name != "table"]
    for row in table(found):
        peers = cast("dict[str, dict[str, float]]", row["peers"])
        words = ", ".join(f"{one['ratio']:,.3g} x {name}" for name, one in peers.items())
        reached = "reached" if row["reached"] else "NOT reached"
        asked = f"asked {row['asked']}, {reached}" if row["asked"] or row["memory_asked_mb"] else reached
        lines.append(f"{row['line']:<44} {row['ours']}  ({asked})  {words}".rstrip())
    return "\n".join(lines) + "\n"


def _year(candles: Path | None) -> Frame:
    """The first year of one symbol."""
    if candles is None:
        from sandbox.market import GeneratedMarket

        market = GeneratedMarket(SEED, 1, "15m")
        return replace(market.frame(market.symbols[0], 0, YEAR_BARS), symbol="BENCHUSDT")
    frames = read_candles([candles], "15m").frames
    if len(frames) != 1:
        raise ConfigError(f"--candles {candles}: holds {len(frames)} symbols; allowed: one")
    return _named(next(iter(frames.values())), "BENCHUSDT")


def _named(frame: Frame, symbol: str) -> Frame:
    """A copy under another name, at most a year of it."""
    columns = [getattr(frame, place)[:YEAR_BARS].copy() for place in PLACES]
    return Frame(symbol, frame.timeframe_ms, frame.open_at_ms[:YEAR_BARS].copy(), *columns)


def _write(frame: Frame, file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"timestamp": frame.open_at_ms} | {place: getattr(frame, place) for place in PLACES}
    pq.write_table(pa.table(columns), file)


def _in_a_process(name: str, file: Path, asked: BenchResearch) -> dict[str, object]:
    """A row's figures and the most memory its process had."""
    command = [
        sys.executable,
        "-m",
        "cli.bench_research_row",
        name,
        str(file),
        str(asked.symbols),
        str(asked.runs),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise QuarterdeckError(
            f"bench research: the row {name} failed: {done.stderr.strip().splitlines()[-1:]}"
        )
    found: dict[str, object] = json.loads(done.stdout)
    return found


# The rows


def _measured(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Medians of warm runs in seconds, by the clock and of processor time; the first loads compiled code."""
    work()
    taken: list[tuple[float, float]] = []
    for _ in range(runs):
        began, busy = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - began, time.process_time() - busy))
    return statistics.median(wall for wall, _ in taken), statistics.median(cpu for _, cpu in taken)


def _in_ms(name: str, taken: tuple[float, float]) -> Figures:
    return {f"{name}_ms": taken[0] * 1000, f"{name}_cpu_ms": taken[1] * 1000}


def _in_s(name: str, taken: tuple[float, float]) -> Figures:
    return {f"{name}_s": taken[0], f"{name}_cpu_s": taken[1]}


def _fast(stand: Stand) -> Figures:
    plan, ground, registry = Plan(STRATEGY), _ground(stand.frame), Registry()
    trades = len(run_fast(plan, ground, registry=registry).trades)
    taken = _measured(lambda: run_fast(plan, ground, registry=registry), stand.runs)
    return _in_ms("fast", taken) | {"fast_trades": trades}


def _command(stand: Stand) -> Figures:
    """A whole `quarterdeck backtest`, from nothing to its JSON."""
    words = ("backtest", "--candles", str(stand.file), "--strategy", STRATEGY, "--json")
    found = whole(words, min(stand.runs, 5))
    return {"command_s": found.seconds, "command_memory_mb": found.memory_mb}


def _sweep_command(stand: Stand) -> Figures:
    """A whole `quarterdeck sweep` of one symbol, walked forward, judged, kept."""
    words = ("sweep", "--candles", str(stand.file), "--strategy", STRATEGY, "--json")
    found = whole(words, min(stand.runs, 5))
    return {"sweep_command_s": found.seconds, "sweep_command_memory_mb": found.memory_mb}


def _many_command(stand: Stand) -> Figures:
    """The same over a file for each symbol, by as many processes as there are processors."""
    with tempfile.TemporaryDirectory() as folder:
        for symbol, frame in many(stand).items():
            _write(frame, Path(folder) / f"{symbol}.parquet")
        words = ("sweep", "--candles", folder, "--strategy", STRATEGY, "--json")
        found = whole(words, min(stand.runs, 3))
    return {"many_command_s": found.seconds, "many_command_memory_mb": found.memory_mb}


def _exact(stand: Stand) -> Figures:
    from research.backtest.exact import run_exact

    plan, ground = Plan(STRATEGY), _ground(stand.frame)
    taken = _measured(lambda: run_exact(plan, ground), min(stand.runs, 5))
    bars = len(stand.frame)
    return {"exact_bars_per_s": bars / taken[0], "exact_bars_per_cpu_s": bars / taken[1]}


def _sweep(stand: Stand) -> Figures:
    sets, spans = grid(), [(0, len(stand.frame))]
    taken = _measured(lambda: tallies(stand.frame, sets, Rules(), spans), stand.runs)
    return _in_ms("sweep", taken) | {"sweep_sets": len(sets)}


def _folds(stand: Stand) -> Figures:
    """Nine folds: three parts of twelve to choose on, the next one to judge on."""
    sets, part = grid(), len(stand.frame) // (FOLDS + 3)
    starts = [number * part for number in range(FOLDS)]
    spans = [span for at in starts for span in ((at, at + 3 * part), (at + 3 * part, at + 4 * part))]
    taken = _measured(lambda: tallies(stand.frame, sets, Rules(), spans), stand.runs)
    return _in_ms("walk_forward", taken) | {"walk_forward_folds": FOLDS}


def _many_fast(stand: Stand) -> Figures:
    frames = many(stand)
    plan, ground, registry = Plan(STRATEGY), Ground("15m", frames), Registry()
    taken = _measured(lambda: run_fast(plan, ground, registry=registry), min(stand.runs, 5))
    return _in_s("many_fast", taken)


def _many_read(stand: Stand) -> Figures:
    """Strict reading of as many files."""
    taken = _measured(
        lambda: list(side_by_side(lambda _: len(read_candles([stand.file]).frames), range(stand.symbols))), 3
    )
    return _in_s("many_read", taken)


def _many_sweep(stand: Stand) -> Figures:
    sets, frames = grid(), list(many(stand).values())
    spans = [(0, len(stand.frame))]
    taken = _measured(
        lambda: list(side_by_side(lambda frame: tallies(frame, sets, Rules(), spans).net.sum(), frames)), 3
    )
    return _in_s("many_sweep", taken)


ROWS: dict[str, Callable[[Stand], Figures]] = {
    "fast": _fast,
    "command": _command,
    "sweep_command": _sweep_command,
    "many_command": _many_command,
    "sweep": _sweep,
    "walk_forward": _folds,
    "exact": _exact,
    "many_read": _many_read,
    "many_fast": _many_fast,
    "many_sweep": _many_sweep,
}


def grid() -> list[Strategy]:
    """The default grid of a sweep: 324 sets."""
    registry = Registry()
    return [
        registry.build(STRATEGY, "BENCHUSDT", dict(zip(GRID, values, strict=True)))
        for values in product(*GRID.values())
    ]


def many(stand: Stand) -> dict[str, Frame]:
    """Markets of the same bars in another order of days, so that no two trade alike; one market's prices."""
    return {f"B{k:03d}USDT": _other(stand.frame, f"B{k:03d}USDT", k) for k in range(stand.symbols)}


def _other(frame: Frame, symbol: str, number: int) -> Frame:
    """The bars' moves turned round by `number` days, prices chained anew from the first open."""
    shift = 96 * number % len(frame)
    before = np.concatenate((frame.open[:1], frame.close[:-1]))
    close = frame.open[0] * np.cumprod(np.roll(frame.close / before, shift))
    base = np.concatenate((frame.open[:1], close[:-1]))
    opened, high, low = (
        base * np.roll(column / before, shift) for column in (frame.open, frame.high, frame.low)
    )
    high, low = np.maximum(high, np.maximum(opened, close)), np.minimum(low, np.minimum(opened, close))
    volume = np.roll(frame.volume, shift)
    return Frame(symbol, frame.timeframe_ms, frame.open_at_ms, opened, high, low, close, volume)


def _ground(frame: Frame) -> Ground:
    return Ground("15m", {frame.symbol: frame})


def main(arguments: list[str]) -> int:
    """One row: its name, the candles' file, symbols, runs."""
    name, file, symbols, runs = arguments
    frame = next(iter(read_candles([Path(file)]).frames.values()))
    found = ROWS[name](Stand(frame, Path(file), int(symbols), int(runs)))
    found.setdefault(f"{name}_memory_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.stdout.write(json.dumps({key: round(figure, 3) for key, figure in found.items()}))
    return 0
