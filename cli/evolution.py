"""A house's young models joined: how many of their signals have ended, and who hears that one has come of age."""

from functools import partial
from pathlib import Path

from bot.domain.event import NoticeRaised
from bot.domain.model import ModelMode
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.ml import files
from bot.ml.shelf import Place
from bot.runtime.evolution import Evolution
from cli.house import House

EFFECT = {
    ModelMode.ON: "signals below its threshold are refused from now on",
    ModelMode.SHADOW: "it is in shadow; /ml_on lets it judge",
    ModelMode.OFF: "it is off; /ml_on lets it judge",
}


def evolution_of(house: House, root: Path) -> Evolution:
    """Who has come of age, by the house's books and what stands beside the models under `root`."""
    needed = house.plan.loaded.settings.ml.evolution_outcomes
    books = house.database.phantoms(house.plan.account)

    def first_made(where: Place) -> int | None:
        return files.first_made_ms(files.place(root, *where))

    return Evolution(needed, first_made, books.outcomes, partial(_tell_grown, house, needed))


def _tell_grown(house: House, needed: int, where: Place) -> None:
    """Whoever switched it on should know from when on it judges."""
    strategy, symbol = where
    traded = house.engine.state.symbols.get(symbol)
    if traded is None or traded.settings.strategy != strategy:
        return
    title = f"Model {strategy}/{symbol}: {needed} outcomes, its scores count now; {EFFECT[traded.model.mode]}"
    notice = Notice(NoticeKind.MODEL, Severity.TRADE, house.now_ms(), title, symbol=symbol)
    house.loop.put(NoticeRaised(house.now_ms(), notice))
