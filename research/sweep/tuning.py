"""Searching parameters over ranges with Optuna: seeded, kept in a database, resumed where it was stopped.

A trial's value is the profit factor over the test windows of the folds, all symbols pooled; with too few trades it is
below zero, the nearer to it the more trades. The last windows are held out: no trial ever sees them, and the best set
is judged on them at the end. Besides, all sets tried are walked forward as a sweep's are: chosen on train, judged on
test.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from bot.domain.errors import ConfigError, StorageError
from bot.strategy import Parameter, Value
from research.backtest.folds import Fold, folds
from research.progress import Tell, silent
from research.sweep.counting import Counted, CountTask, counted
from research.sweep.figures import SetFigures, Sums, added, figures_at, sums_of
from research.sweep.grid import MODE, Listed
from research.sweep.judging import FACTOR_MOST
from research.sweep.plan import SweepPlan, fingerprint
from research.sweep.run import SweepResult, sweep
from research.sweep.source import Known
from research.work import Workers
from storage.tuning import FAILURES, alone
from strategies.registry import Registry

BATCH = 8
"""Sets asked for and counted together."""
LEAST_FOLDS = 3
HELD_OUT = 0.25
MOST_TRIALS = 10_000
ROUNDED = 6


@dataclass(frozen=True, slots=True)
class Range:
    """One parameter between two values, both allowed; `whole` numbers only, or any."""

    name: str
    low: float
    high: float
    whole: bool


@dataclass(frozen=True, slots=True)
class TuneResult:
    """The best set by its value, what it did in the windows that no trial saw, and all sets as a sweep."""

    study: str
    trials: int
    resumed: int
    best: Mapping[str, Value]
    value: float
    tuned: SetFigures
    held_out: SetFigures
    held_out_production: SetFigures
    tuned_folds: int
    held_out_folds: int
    swept: SweepResult


def ranges_of(
    registry: Registry, strategy: str, texts: Sequence[str], fixed: Mapping[str, Value]
) -> tuple[Range, ...]:
    """`name=low:high` each; without any, every number of the strategy from half to twice its default."""
    parameters = {one.name: one for one in registry.parameters(strategy) if one.name != MODE}
    if not texts:
        usual = (_usual(one) for name, one in parameters.items() if name not in fixed and _is_number(one))
        return tuple(one for one in usual if one.low < one.high)
    found = tuple(_range(registry, strategy, parameters, text) for text in texts)
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1 or name in fixed), None)
    if twice is not None:
        raise ConfigError(f"--range {twice}: is given twice, or set as well; allowed: once")
    return found


def _range(registry: Registry, strategy: str, parameters: Mapping[str, Parameter], text: str) -> Range:
    name, _, both = text.partition("=")
    low, colon, high = both.partition(":")
    if not colon:
        raise ConfigError(
            f"--range {text[:60]!r} is not allowed; allowed: parameter=low:high, like adx_threshold=0:40"
        )
    ends = [registry.parsed(strategy, name, end) for end in (low, high)]
    if not _is_number(parameters[name]):
        raise ConfigError(f"--range {name}: is no number; allowed: numbers")
    first, last = (float(end) for end in ends)
    if first >= last:
        raise ConfigError(f"--range {name}: {first:g} is not below {last:g}")
    return Range(name, first, last, isinstance(parameters[name].default, int))


def _is_number(parameter: Parameter) -> bool:
    return isinstance(parameter.default, int | float) and not isinstance(parameter.default, bool)


def _usual(parameter: Parameter) -> Range:
    default = float(parameter.default)
    low = max(default / 2, parameter.low if parameter.low is not None else default / 2)
    high = min(default * 2, parameter.high if parameter.high is not None else default * 2)
    whole = isinstance(parameter.default, int)
    return Range(
        parameter.name, float(round(low)) if whole else low, float(round(high)) if whole else high, whole
    )


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched over which candles; `plan` without sets of its own, pooled over symbols."""

    plan: SweepPlan
    ranges: tuple[Range, ...]
    known: tuple[Known, ...]
    url: str

    @property
    def name(self) -> str:
        """The study's name: equal for equal questions of equal candles by equal code."""
        ranges = [(one.name, one.low, one.high, one.whole) for one in self.ranges]
        marks = sorted((one.symbol, *one.print) for one in self.known)
        return f"{self.plan.strategy}-{fingerprint(self.plan.config(), self.plan.digest, ranges, marks)}"

    def folds(self) -> tuple[tuple[Fold, ...], tuple[Fold, ...]]:
        """Folds that trials see, and those held out. Raises ConfigError when there are too few."""
        if self.plan.windows is None:
            raise ConfigError("tune needs --walk-forward, like 3m/1m")
        first, end = min(one.first_ms for one in self.known), max(one.end_ms for one in self.known)
        found = folds(first, end, *self.plan.windows)
        if len(found) < LEAST_FOLDS:
            raise ConfigError(
                f"{len(found)} folds; tune needs {LEAST_FOLDS}: shorter windows, or a longer history"
            )
        held = max(1, round(len(found) * HELD_OUT))
        return found[:-held], found[-held:]


def tune(search: Search, trials: int, resume: bool, workers: Workers, tell: Tell = silent) -> TuneResult:
    """Search, then judge. `tell` hears of trials; Stopped leaves those that are done in the database."""
    if not 1 <= trials <= MOST_TRIALS:
        raise ConfigError(f"--trials {trials} is not allowed; allowed: 1 to {MOST_TRIALS:,}")
    if not search.ranges:
        raise ConfigError(f"{search.plan.strategy} has no number to search; name some with --range")
    seen, held = search.folds()
    with alone(search.url, search.name), _told():
        study = _study(search, resume)
        resumed = len(_complete(study))
        guide = _guide(search, _complete(study))
        while (done := len(_complete(study))) < trials:
            tell(done, trials)
            _batch(study, guide, search, seen, trials, workers)
        tell(trials, trials)
        best, tried = study.best_trial, _complete(study)
    chosen = _values(search.ranges, best.params)
    figures = _counted(search, seen + held, (chosen,), workers)
    return TuneResult(
        study=search.name,
        trials=len(tried),
        resumed=resumed,
        best=chosen,
        value=float(best.values[0]),
        tuned=figures_at(added(figures[: len(seen)]), 0, chosen),
        held_out=figures_at(added(figures[len(seen) :]), 0, chosen),
        held_out_production=figures_at(added(figures[len(seen) :]), 1, {}),
        tuned_folds=len(seen),
        held_out_folds=len(held),
        swept=_swept(search, tried, workers),
    )


@contextmanager
def _told() -> Iterator[None]:
    """What Optuna's storage raises, as one line; its own talk is not shown."""
    optuna.logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    except (optuna.exceptions.StorageInternalError, *FAILURES) as error:
        raise StorageError(f"the trials' database cannot be used ({type(error).__name__})") from None


def _study(search: Search, resume: bool) -> optuna.Study:
    """The trials in the database, begun anew unless they are to be resumed. Each is written when it is over."""
    storage = optuna.storages.RDBStorage(search.url)
    names = [one.study_name for one in optuna.get_all_study_summaries(storage)]
    if search.name in names and not resume:
        optuna.delete_study(study_name=search.name, storage=storage)
    return optuna.create_study(
        storage=storage, study_name=search.name, direction="maximize", load_if_exists=True
    )


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _guide(search: Search, tried: Sequence[FrozenTrial]) -> optuna.Study:
    """What asks for sets, in memory: it has seen whole batches only, as a search that was never stopped."""
    guide = optuna.create_study(direction="maximize")
    guide.add_trials(tried[: len(tried) // BATCH * BATCH])
    return guide


def _batch(
    study: optuna.Study,
    guide: optuna.Study,
    search: Search,
    seen: tuple[Fold, ...],
    trials: int,
    workers: Workers,
) -> None:
    """Ask for some sets, count them together, write what they came to.

    Each batch has a sampler of its own, seeded by how many trials came before: a resumed search asks for the same sets
    as one that was never stopped. Those of a batch that were written before a stop are not counted again.
    """
    before, written = len(_complete(guide)), _complete(study)
    seed = search.plan.seed * 1_000_003 + before
    guide.sampler = optuna.samplers.TPESampler(seed=seed % (1 << 32), constant_liar=True)
    asked: list[Trial] = []
    sets: list[dict[str, Value]] = []
    for _ in range(min(BATCH, trials - before)):
        asked.append(guide.ask())
        sets.append(_suggested(asked[-1], search.ranges))
    known = written[before:]
    if [one.params for one in known] != [one.params for one in asked[: len(known)]]:
        raise StorageError("the trials there are were drawn by another version; search anew without --resume")
    joint = added(_counted(search, seen, tuple(sets), workers))
    for place, trial in enumerate(asked):
        value = valued(figures_at(joint, place, sets[place]), search.plan.least)
        guide.tell(trial, value)
        if place >= len(known):
            study.add_trial(create_trial(params=trial.params, distributions=trial.distributions, value=value))


def valued(figures: SetFigures, least: int) -> float:
    """The profit factor, at most ten; below zero with too few trades, the nearer to it the more trades."""
    if figures.trades < least:
        return figures.trades / least - 1.0
    return min(figures.factor, FACTOR_MOST)


def _suggested(trial: Trial, ranges: Sequence[Range]) -> dict[str, Value]:
    for one in ranges:
        if one.whole:
            trial.suggest_int(one.name, int(one.low), int(one.high))
        else:
            trial.suggest_float(one.name, one.low, one.high)
    return _values(ranges, trial.params)


def _values(ranges: Sequence[Range], params: Mapping[str, float]) -> dict[str, Value]:
    """As people can write them: six digits behind the point."""
    return {
        one.name: int(params[one.name])
        if one.whole
        else min(max(round(float(params[one.name]), ROUNDED), one.low), one.high)
        for one in ranges
    }


def _counted(
    search: Search, windows: Sequence[Fold], sets: tuple[Mapping[str, Value], ...], workers: Workers
) -> list[Sums]:
    """Sums of each fold's test window over all symbols; production behind the sets."""
    plan = replace(search.plan, grid=Listed(sets))
    spans = tuple((fold.test_from_ms, fold.test_to_ms) for fold in windows)
    tasks = [CountTask(one.source, plan, spans, one.beside) for one in search.known]
    parts: list[Counted] = [
        part for _, part in sorted(workers.results(counted, tasks), key=lambda pair: pair[0])
    ]
    return [added([sums_of(part.tallies, span) for part in parts]) for span in range(len(spans))]


def _swept(search: Search, tried: Sequence[FrozenTrial], workers: Workers) -> SweepResult:
    """All sets that were tried, each once, ranked and walked forward."""
    sets = {tuple(values.items()): values for values in (_values(search.ranges, one.params) for one in tried)}
    return sweep(
        replace(search.plan, grid=Listed(tuple(sets.values())), combined=True), search.known, workers
    )
