"""`quarterdeck bench ml`: what models cost here: features, scores, training, reloading; on a generated market."""

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bot.domain.errors import ConfigError
from bot.ml.shelf import ModelShelf, Wanted
from bot.ml.writing import make_current, write_version
from bot.strategy import Frame
from cli.bench_ml_loop import Town

if TYPE_CHECKING:
    from bot.ml.align import Sources
    from research.learning.material import Material

SEED = 7
YEAR_BARS = 35_040
WINDOW = 1_000
STRATEGY, SYMBOL = "composite", "BENCHUSDT"
SINGLES = 2_000
RELOADS = 1_000


@dataclass(frozen=True, slots=True)
class BenchMl:
    """What is asked: symbols that close together, warm runs of each figure, the form."""

    symbols: int
    runs: int
    json: bool


def run_ml_bench(asked: BenchMl) -> int:
    """Measure and print."""
    for name, given, high in (("symbols", asked.symbols, 600), ("runs", asked.runs, 1_000)):
        if not 1 <= given <= high:
            raise ConfigError(f"--{name} {given}: is not allowed; a whole number from 1 to {high}")
    found: dict[str, object] = {"symbols": asked.symbols, "processors": len(os.sched_getaffinity(0))}
    found["load_before"] = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as folder:
        found |= _measured(asked, Path(folder))
    found["load_after"] = round(os.getloadavg()[0], 2)
    lines = "".join(f"{name:<28} {figure}\n" for name, figure in found.items())
    sys.stdout.write(json.dumps(found) + "\n" if asked.json else lines)
    return 0


def _measured(asked: BenchMl, folder: Path) -> dict[str, object]:
    from research.learning.boosting import Boosting
    from research.learning.cards import Origin, written
    from research.learning.lesson import teach

    frames = _frames(asked.symbols)
    material, dataset_ms = _timed(lambda: _material(frames), asked.runs)
    began_s, spent_s = time.perf_counter(), time.process_time()
    lesson = teach(material, Boosting(), SEED)
    found: dict[str, object] = {
        "features": len(material.features),
        "rows": len(material.dataset),
        "dataset_ms": dataset_ms,
        "lesson_s": round(time.perf_counter() - began_s, 3),
        "lesson_cpu_s": round(time.process_time() - spent_s, 3),
    }
    found |= _folds(material)
    made = written(lesson, Origin("bench", "bench", 0, ()))
    content = made.content
    for _ in range(2):
        write_version(folder, made.card, content, "<html></html>", current=True)
    windows = [_window(frame) for frame in frames[: asked.symbols]]
    found |= _scores(windows, folder, asked)
    town = Town(folder / "town", STRATEGY, windows)
    town.fill(made.card, content)
    found |= town.measured(asked.runs)
    return found | _reloads(folder)


def _frames(symbols: int) -> list[Frame]:
    """BTC and ETH first, a year each of the first three symbols, windows of the others."""
    from sandbox.market import GeneratedMarket

    market = GeneratedMarket(SEED, max(3, symbols), "15m")
    names = ["BTCUSDT", "ETHUSDT", SYMBOL, *(f"S{i}USDT" for i in range(symbols))]
    whole = [
        replace(market.frame(market.symbols[i], 0, YEAR_BARS), symbol=name)
        for i, name in enumerate(names[:3])
    ]
    windows = [
        replace(market.frame(market.symbols[i], YEAR_BARS - WINDOW, YEAR_BARS), symbol=names[i])
        for i in range(3, max(3, symbols))
    ]
    return [*whole, *windows]


def _material(frames: Sequence[Frame]) -> "Material":
    from bot.ml.align import Sources
    from bot.ml.registry import feature_set
    from research.learning.dataset import Recipe
    from research.learning.material import Course
    from research.results.plan import Rules
    from strategies.registry import Registry

    sources = Sources(frames[2], btc=frames[0], eth=frames[1])
    course = Course(Registry(()), STRATEGY, feature_set(["base"]), Recipe(), Rules())
    return course.material(SYMBOL, sources)


def _folds(material: "Material") -> dict[str, object]:
    """Five folds and the model, without ablation and comparison."""
    from research.learning.boosting import Boosting
    from research.learning.training import train

    began_s, spent_s = time.perf_counter(), time.process_time()
    train(material.dataset, Boosting(), SEED, embargo=material.recipe.lookahead)
    return {
        "folds_s": round(time.perf_counter() - began_s, 3),
        "folds_cpu_s": round(time.process_time() - spent_s, 3),
    }


def _scores(windows: Sequence[Frame], folder: Path, asked: BenchMl) -> dict[str, object]:
    """A bar on which all symbols have a signal, one after the other and all at once."""
    from bot.ml.compute import live_rows
    from bot.ml.files import current_version, place
    from bot.ml.loaded import load_model
    from bot.ml.registry import feature_set
    from bot.ml.score import Ask, score_batch

    home = place(folder, STRATEGY, SYMBOL)
    model = load_model(home / (current_version(home) or ""))
    features = feature_set(model.card.features)
    sources = [_signal(window, windows) for window in windows]

    def batch() -> object:
        rows = live_rows(features, sources)
        return score_batch([Ask(model, row) for row in rows])

    def single() -> object:
        return score_batch([Ask(model, live_rows(features, sources[:1])[0])])

    row = live_rows(features, sources[:1])[0]
    _, batch_ms = _timed(batch, asked.runs * 4)
    _, rows_ms = _timed(lambda: live_rows(features, sources), asked.runs * 4)
    batch_cpu = _each_ms(batch, asked.runs * 4, time.thread_time)
    scored = _each_ms(lambda: score_batch([Ask(model, row)]), SINGLES)
    whole = _each_ms(single, SINGLES)
    return {
        "batch_ms": batch_ms,
        "batch_cpu_ms": round(statistics.median(batch_cpu), 3),
        "batch_features_ms": rows_ms,
        "single_score_p50_ms": round(statistics.median(scored), 4),
        "single_score_p99_ms": round(float(np.percentile(scored, 99)), 4),
        "single_with_features_p99_ms": round(float(np.percentile(whole, 99)), 4),
    }


def _window(frame: Frame) -> Frame:
    """The newest bars, as a live buffer holds them."""
    columns = [
        getattr(frame, name)[-WINDOW:].copy()
        for name in ("open_at_ms", "open", "high", "low", "close", "volume")
    ]
    return Frame(frame.symbol, frame.timeframe_ms, *columns)


def _signal(window: Frame, windows: Sequence[Frame]) -> "Sources":
    from bot.ml.align import Sources

    told = np.full(len(window), np.nan)
    told[-1] = 3.0
    return Sources(
        window, btc=windows[0], eth=windows[min(1, len(windows) - 1)], strength=told, side=told / 3.0
    )


def _reloads(folder: Path) -> dict[str, object]:
    """Memory before and after a thousand changes of the model in use."""
    shelf = ModelShelf(folder)
    shelf.want([Wanted(STRATEGY, SYMBOL)])
    grown: list[float] = []
    for number in range(RELOADS):
        make_current(folder, STRATEGY, SYMBOL, ("v0001", "v0002")[number % 2])
        if len(shelf.look()) != 1:
            raise ConfigError("bench ml: a change of the model was not seen")
        if number % 100 == 99:
            grown.append(_memory_mb())
    return {"reloads": RELOADS, "reload_growth_mb": round(grown[-1] - grown[0], 2), "memory_mb": grown[-1]}


def _memory_mb() -> float:
    """Resident memory now; the peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return round(pages * resource.getpagesize() / 2**20, 1)


def _timed[R](work: Callable[[], R], runs: int) -> tuple[R, float]:
    """What it answers, and the median time of warm runs in ms."""
    found = work()
    return found, round(statistics.median(_each_ms(work, runs)), 3)


def _each_ms(
    work: Callable[[], object], runs: int, clock_s: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Of every run, in ms by this clock; the processor's own (time.thread_time) leaves other programs out."""
    spent = []
    for _ in range(runs):
        began_s = clock_s()
        work()
        spent.append((clock_s() - began_s) * 1000)
    return spent
