"""Searching LightGBM's settings with Optuna: seeded, kept in a database, several processes at one study. Only proposes.

A trial's value is the precision at enough recall over the validated signals of its folds, with a thousandth of their
AUC to tell equal ones apart. The last fold is held out: no trial sees it, and the best settings are judged on it beside
those in use.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from time import sleep

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, Trial, TrialState

from bot.domain.errors import ConfigError, StorageError
from bot.strategy import Array
from research.learning.boosting import Boosting, BoostSettings
from research.learning.dataset import Dataset
from research.learning.folds import Split, walk_forward
from research.learning.material import Subject
from research.learning.metrics import at_threshold, auc_of, best_threshold, curve_of
from research.learning.training import validated
from research.progress import Tell, silent
from storage.tuning import FAILURES, PATIENCE_S, Shared

MOST_TRIALS = 2_000
STARTUP, WARMUP = 5, 1
"""Trials before any is cut short, and folds of each before it may be."""
TIE_BREAK = 0.001
MOMENT_S = 0.2
TURN = "turn"
"""The number of a trial in a study, whoever does it: a dead process's is done again under the same."""
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, slots=True)
class Shown:
    """Settings on the held-out fold, at the threshold that their other folds chose."""

    auc: float | None
    threshold: float
    precision: float | None
    recall: float | None
    signals: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """The best settings found, and what they and those in use did where the search never looked."""

    study: str
    settings: BoostSettings
    value: float
    trials: int
    pruned: int
    resumed: int
    before: Shown
    after: Shown

    @property
    def better(self) -> bool:
        """More precise than before on the held-out fold, or as precise and better ranked."""
        before, after = self.before, self.after
        one, other = (before.precision or 0.0, before.auc or 0.0), (after.precision or 0.0, after.auc or 0.0)
        return other > one


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched: one symbol's rows, the settings in use, where trials are kept."""

    material: Subject
    now: BoostSettings
    seed: int
    url: str

    @property
    def name(self) -> str:
        """Equal for equal questions of equal rows."""
        data = self.material.dataset
        digest = sha256(f"{data.features.hash} {self.seed} {asdict(self.material.recipe)}".encode())
        for column in (data.rows, data.label, data.bar, data.weight):
            digest.update(np.ascontiguousarray(column).tobytes())
        return f"ml-{self.material.strategy}-{self.material.symbol}-{digest.hexdigest()[:16]}"


def tune(search: Search, trials: int, resume: bool, tell: Tell = silent) -> Proposal:
    """Search until the study holds so many trials. `resume` goes on with those there are, beside others that do, too.

    Raises ConfigError, TooFewRows, StorageError. `tell` hears of trials; Stopped leaves those that are done.
    """
    if not 1 <= trials <= MOST_TRIALS:
        raise ConfigError(f"--trials {trials} is not allowed; allowed: 1 to {MOST_TRIALS:,}")
    data = search.material.dataset
    splits = walk_forward(data, embargo=search.material.recipe.lookahead)
    with _told(), Shared(search.url, search.name) as shared:
        study = _study(search, resume, shared)
        resumed = len(_done(study))
        while (done := len(_done(study))) < trials:
            tell(done, trials)
            _step(study, search, splits[:-1], trials, shared)
        tell(trials, trials)
        finished = _done(study)
        best = max(
            (one for one in finished if one.state is TrialState.COMPLETE),
            key=_value,
            default=None,
        )
    if best is None:
        raise ConfigError("every trial was cut short; ask for more with --trials")
    found = _settings(best)
    return Proposal(
        study=search.name,
        settings=found,
        value=_value(best),
        trials=len(finished),
        pruned=sum(one.state is TrialState.PRUNED for one in finished),
        resumed=resumed,
        before=shown(data, splits, search.now, search.seed),
        after=shown(data, splits, found, search.seed),
    )


@contextmanager
def _told() -> Iterator[None]:
    """What Optuna's storage raises, as one line; its own talk is not shown."""
    optuna.logging.set_verbosity(logging.ERROR)
    try:
        yield
    except (optuna.exceptions.StorageInternalError, *FAILURES) as error:
        raise StorageError(f"the trials' database cannot be used ({type(error).__name__})") from None


def _study(search: Search, resume: bool, shared: Shared) -> optuna.Study:
    with shared.entering(anew=not resume):
        patient = {"connect_args": {"timeout": PATIENCE_S}}
        storage = optuna.storages.RDBStorage(search.url, engine_kwargs=patient)
        if not resume and search.name in {one.study_name for one in optuna.get_all_study_summaries(storage)}:
            optuna.delete_study(study_name=search.name, storage=storage)
        return optuna.create_study(
            storage=storage,
            study_name=search.name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP),
        )


def _step(
    study: optuna.Study, search: Search, splits: tuple[Split, ...], trials: int, shared: Shared
) -> None:
    """One trial that nobody has done or is at; where others are at all that are left, a moment for them."""
    done = _turns(study)
    turn = next((one for one in range(trials) if one not in done and shared.take(one)), None)
    if turn is None:
        sleep(MOMENT_S)
        return
    try:
        if turn not in _turns(study):  # done by another between the look and the taking
            _give_up(study, turn)
            _trial(study, search, splits, turn)
    finally:
        shared.give(turn)


def _trial(study: optuna.Study, search: Search, splits: tuple[Split, ...], turn: int) -> None:
    """What a turn tries hangs on the seed and on the trials before it, not on who does it."""
    study.sampler = optuna.samplers.TPESampler(seed=(search.seed * 1_000_003 + turn) % (1 << 32))
    trial = study.ask()
    trial.set_user_attr(TURN, turn)
    try:
        study.tell(trial, value_of(trial, search.material.dataset, splits, search.seed))
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)


def _turns(study: optuna.Study) -> set[int]:
    """The turns that are done; trials of before turns were noted had the first ones."""
    noted = [one.user_attrs.get(TURN) for one in _done(study)]
    return {one for one in noted if one is not None} | set(range(noted.count(None)))


def _give_up(study: optuna.Study, turn: int) -> None:
    """Who was at this turn is dead: its trial has failed."""
    for one in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if one.user_attrs.get(TURN) == turn:
            study.tell(one.number, state=TrialState.FAIL)


def _done(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=DONE)


def _value(trial: FrozenTrial) -> float:
    return float(trial.values[0]) if trial.values else 0.0


def suggested(trial: Trial) -> BoostSettings:
    """Settings within the ranges of the specification."""
    depth = trial.suggest_int("max_depth", 2, 7)
    most = min(31, 2**depth - 1)
    return BoostSettings(
        n_estimators=trial.suggest_int("n_estimators", 100, 600),
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        max_depth=depth,
        num_leaves=trial.suggest_int("num_leaves", min(7, most), most),
        min_child_samples=trial.suggest_int("min_child_samples", 10, 50),
        subsample=trial.suggest_float("subsample", 0.5, 1.0),
        colsample_bytree=trial.suggest_float("colsample_bytree", 0.5, 1.0),
        reg_alpha=trial.suggest_float("reg_alpha", 1e-4, 1.0, log=True),
        reg_lambda=trial.suggest_float("reg_lambda", 1e-4, 1.0, log=True),
    )


def _settings(trial: FrozenTrial) -> BoostSettings:
    return BoostSettings(**trial.params)


def value_of(trial: Trial, data: Dataset, splits: tuple[Split, ...], seed: int) -> float:
    """Fold after fold, cut short where the median of the others was better so far."""
    learner = Boosting(suggested(trial))
    labels: NDArray[np.int8] = np.empty(0, np.int8)
    scores: Array = np.empty(0)
    value = 0.0
    for number, split in enumerate(splits):
        judged = validated(data, (split,), learner, seed)
        labels = np.concatenate((labels, judged.beyond.label))
        scores = np.concatenate((scores, judged.beyond.score))
        best = best_threshold(curve_of(labels, scores))
        value = (best[1] if best else 0.0) + TIE_BREAK * (auc_of(labels, scores) or 0.0)
        trial.report(value, number)
        if number + 1 < len(splits) and trial.should_prune():
            raise optuna.TrialPruned
    return value


def shown(data: Dataset, splits: tuple[Split, ...], settings: BoostSettings, seed: int) -> Shown:
    """The last fold, at the threshold of the folds before it."""
    learner = Boosting(settings)
    threshold = validated(data, splits[:-1], learner, seed).threshold
    held = validated(data, splits[-1:], learner, seed)
    precision, recall = at_threshold(held.beyond.label, held.beyond.score, threshold)
    return Shown(held.auc, threshold, precision, recall, len(held.beyond.label))
