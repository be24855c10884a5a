"""What the peers' scripts print, put together: one entry for each contender and task."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

BACKTEST, EXACT, SWEEP, FOLDS, COMMAND = "backtest", "exact", "sweep", "folds", "command"
OURS = "quarterdeck"


@dataclass(frozen=True, slots=True)
class Run:
    """One process: times in ms (`first` in a new process, `started` from its start to the first result), MiB at most.

    `trades` and `net` (sums of net returns) of every set, in the order of the sets.
    """

    name: str
    task: str
    packages: Mapping[str, str]
    first_ms: float
    started_ms: float
    warm_ms: tuple[float, ...]
    rss_mb: float
    trades: tuple[int, ...]
    net: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """All processes of one contender and task; medians. `same` is False when they did not all find the same."""

    name: str
    task: str
    packages: Mapping[str, str]
    warm_ms: float
    runs: int
    first_ms: float
    started_ms: float
    rss_mb: float
    trades: tuple[int, ...]
    net: tuple[float, ...]
    same: bool = True


@dataclass(frozen=True, slots=True)
class Absent:
    """Who could not be measured, and why; without a task: in none."""

    name: str
    why: str
    task: str = ""


class NotAnswered(Exception):
    """A script printed no figures."""


def run_of(name: str, printed: str) -> Run:
    """The last line a script printed. Raises NotAnswered when it is not what a script prints."""
    lines = printed.strip().splitlines()
    try:
        said = json.loads(lines[-1])
        return Run(
            name=name,
            task=str(said["task"]),
            packages={str(key): str(value) for key, value in said["packages"].items()},
            first_ms=float(said["first_ms"]),
            started_ms=float(said["started_ms"]),
            warm_ms=tuple(float(one) for one in said["warm_ms"]),
            rss_mb=float(said["rss_mb"]),
            trades=tuple(int(one) for one in said["trades"]),
            net=tuple(float(one) for one in said["net"]),
        )
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotAnswered from error


def joined(runs: Iterable[Run]) -> list[Figures]:
    """Runs by contender and task, in the order in which each came first."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.name, run.task), []).append(run)
    return [_figures(same) for same in found.values()]


def _figures(runs: Sequence[Run]) -> Figures:
    first = runs[0]
    # What the very first process compiles and keeps on disk is not met again.
    later = runs[1:] or runs
    warm = [one for run in runs for one in run.warm_ms] or [run.first_ms for run in later]
    return Figures(
        name=first.name,
        task=first.task,
        packages=first.packages,
        warm_ms=median(warm),
        runs=len(warm),
        first_ms=median(run.first_ms for run in later),
        started_ms=median(run.started_ms for run in later),
        rss_mb=median(run.rss_mb for run in later),
        trades=first.trades,
        net=first.net,
        same=all((run.trades, run.net) == (first.trades, first.net) for run in runs),
    )


def figures_of(all_figures: Iterable[Figures], name: str, task: str) -> Figures | None:
    """One contender's figures of one task."""
    return next((one for one in all_figures if (one.name, one.task) == (name, task)), None)
