"""Training joined to a house."""

from collections.abc import Mapping

from bot.engine.engine import Engine
from bot.runtime.desk import Desk
from cli.house import Blueprint, House
from cli.lab import WorkerLab
from cli.models import folder_of
from cli.training.orders import Orders
from cli.training.service import TrainingService
from cli.training.turns import Turns
from cli.training.versions import Versions
from handlers.learning import ProposalBook
from handlers.model_versions import ModelVersions


def join_training(house: House, lab: WorkerLab, book: ProposalBook) -> TrainingService:
    """Trains the house's models in the crew that does all its long work."""
    plan = house.plan
    settings = plan.loaded.settings.ml
    models = folder_of(plan.home, settings.folder)
    orders = Orders(lab, house.database.phantoms(plan.account), settings, models)

    def clusters() -> Mapping[str, int]:
        return house.engine.state.clusters

    return TrainingService(orders, Turns(lab.crew), Versions(models), book, clusters)


def model_versions(plan: Blueprint, desk: Desk, engine: Engine) -> ModelVersions:
    """Who can apply proposals of another version."""

    def under_way(strategy: str, symbol: str) -> bool:
        return any((one.strategy, one.symbol) == (strategy, symbol) for one in engine.state.placings.values())

    return ModelVersions(desk, folder_of(plan.home, plan.loaded.settings.ml.folder), under_way)
