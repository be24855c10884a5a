"""Training joined to a house: its chat, its jobs, its proposals."""

from collections.abc import Mapping, Sequence
from functools import partial

from bot.domain.event import NoticeRaised
from bot.domain.market import HOUR_MS, MINUTE_MS
from bot.domain.model import ModelMode
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.engine.engine import Engine
from bot.ml.choice import candidates
from bot.ml.shelf import Place
from bot.runtime.desk import Desk
from bot.runtime.job_rules import Cron, Every, JobRule
from bot.strategy import Frame
from cli.house import Blueprint, House
from cli.lab import WorkerLab
from cli.models import folder_of
from cli.training.orders import Orders, members_of
from cli.training.rounds import Rounds, Wishes
from cli.training.service import TrainingService
from cli.training.trials import Fields, Ground, Trials
from cli.training.turns import Turns
from cli.training.versions import Versions
from handlers.learning import ProposalBook
from handlers.model_versions import ModelVersions

WEEKLY, HOURLY = "training", "trials"
HOURLY_OFFSET_MS = 10 * MINUTE_MS
"""Clear of the hour's bars and of what else comes with the hour."""


def join_training(house: House, lab: WorkerLab, book: ProposalBook) -> Rounds:
    """Trains the house's models in the crew that does all its long work, for people and as jobs."""
    plan, engine = house.plan, house.engine
    settings = plan.loaded.settings.ml
    models, followed = folder_of(plan.home, settings.folder), house.database.phantoms(plan.account)

    def clusters() -> Mapping[str, int]:
        return engine.state.clusters

    def tell(severity: Severity, title: str, fields: Fields) -> None:
        now_ms = house.now_ms()
        house.loop.put(NoticeRaised(now_ms, Notice(NoticeKind.MODEL, severity, now_ms, title, fields)))

    versions = Versions(models)
    service = TrainingService(
        Orders(lab, followed, settings, models, partial(_beside, house)),
        Turns(lab.crew),
        versions,
        book,
        clusters,
    )
    trials = Trials(versions, book, trial_ground(house, lab), tell)
    wishes = Wishes(
        lambda symbol: engine.state.symbols[symbol].model.mode is not ModelMode.OFF,
        settings.retrain_every,
        house.now_ms,
    )
    rounds = Rounds(service, trials, followed, wishes, tell)
    house.job_rules += training_jobs(rounds, settings.weekly, plan.loaded.settings.timezone)
    return rounds


async def _beside(house: House, symbol: str) -> Frame | None:
    """Candles of BTC or ETH where they are not traded, as far as they can be had now."""
    if house.scorer is None:
        return None
    await house.scorer.known.arrived({symbol}, 0)
    return house.scorer.known.window(symbol)


def trial_ground(house: House, lab: WorkerLab) -> Ground:
    """What challengers are tried on."""
    state, plan = house.engine.state, house.plan
    strategies = {one.symbol: one.strategy for one in lab.settings.symbols}

    def members(place: Place) -> Sequence[str]:
        return members_of(lab, place, state.clusters)

    def speakers(symbol: str) -> Sequence[Place]:
        names = candidates(symbol, state.clusters.get(symbol))
        return [(strategies[symbol], name) for name in names] if symbol in strategies else []

    def threshold(symbol: str) -> float | None:
        known = state.symbols.get(symbol)
        return None if known is None or known.model.threshold is None else float(known.model.threshold)

    settings = plan.loaded.settings
    followed = house.database.phantoms(plan.account)
    return Ground(followed, settings.ml.trial_signals, members, speakers, threshold, settings.venue.quote)


def training_jobs(rounds: Rounds, weekly: str, zone: str) -> list[JobRule]:
    """The weekly training, where it has a cron line; trials and due trainings every hour."""
    hourly = JobRule(HOURLY, "Model trials, due trainings", Every(HOUR_MS, HOURLY_OFFSET_MS), rounds.hourly)
    week = [JobRule(WEEKLY, "Weekly training", Cron(weekly, zone), rounds.weekly)] if weekly else []
    return [*week, hourly]


def model_versions(plan: Blueprint, desk: Desk, engine: Engine) -> ModelVersions:
    """Who can apply proposals of another version."""

    def under_way(strategy: str, symbol: str) -> bool:
        return any((one.strategy, one.symbol) == (strategy, symbol) for one in engine.state.placings.values())

    return ModelVersions(desk, folder_of(plan.home, plan.loaded.settings.ml.folder), under_way)
