"""Proposals that put another version of a model in use: applied through the engine, one change of settings."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bot.domain.command import Done, UseModel
from bot.domain.model import is_pooled
from bot.domain.refusal import Refused
from bot.engine.placing import key, word
from bot.ml import files
from bot.ml.card import Card, card_text
from bot.ml.loaded import load_model
from bot.ml.model import ModelError
from bot.runtime.codec import decode, encode
from bot.runtime.desk import Desk
from bot.runtime.proposals import Draft, Figures, Verdict

KIND = "model"
LOOKED_BACK = 500
"""So many changes of settings back the one is looked for that put a version in use."""

type UnderWay = Callable[[str, str], bool]
"""True while a version of a strategy's symbol is on its way into use."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What waits: the command, and the mark of the card that people saw the figures of (empty: nobody saw one)."""

    command: UseModel
    mark: str = ""


def mark_of(card: Card) -> str:
    """Tells one card from any other of the same name; it knows its model's hash."""
    return sha256(card_text(card)).hexdigest()


def draft_of(command: UseModel, figures: Figures, source: str, mark: str = "") -> Draft:
    """A version of a model as a proposal."""
    place = f"{command.strategy}/{command.symbol}"
    changes = ((f"model of {place}", word(command.before), word(command.version)),)
    return Draft(
        KIND,
        f"model {place} {command.version}",
        changes,
        figures,
        encode(Offered(command, mark)).decode(),
        source,
    )


def offered_of(bodies: Iterable[str], strategy: str, symbol: str) -> frozenset[str]:
    """The versions of a model that proposals would put in use, by their bodies. Raises ValueError for a broken one."""
    commands = (decode(body, Offered).command for body in bodies)
    return frozenset(
        one.version for one in commands if (one.strategy, one.symbol) == (strategy, symbol) and one.version
    )


@dataclass(frozen=True, slots=True)
class ModelVersions:
    """The kind of proposals that are versions of models under `root`; see handlers.proposal_book.Kind."""

    desk: Desk
    root: Path
    under_way: UnderWay

    async def refusal(self, body: str) -> Refused | None:
        """A symbol not traded any more, a version gone or broken, another one in use by now: the first found."""
        offered = decode(body, Offered)
        refused = self._untraded(offered.command)
        if refused is not None:
            return refused
        fault = await asyncio.to_thread(_fault, self.root, offered)
        return Refused("proposal", fault) if fault else None

    async def apply(self, body: str, actor: str, origin: str) -> Done | Refused:
        """One command: the file first, then the books; it counts from the next bar on."""
        return await self.desk.execute(decode(body, Offered).command, actor, origin)

    async def applied(self, body: str, verdict: Verdict) -> int | None:
        """The newest change since the verdict that put this version in use, by the one who decided.

        None while it is on its way, or in use and the books do not have it yet.
        """
        one = decode(body, Offered).command
        wanted = (key(one.strategy, one.symbol), json.dumps(one.version), verdict.by)
        for row in await self.desk.settings(LOOKED_BACK):
            if (row.key, row.value, row.actor) == wanted and row.at_ms >= verdict.at_ms:
                return row.id
        return None if self.under_way(one.strategy, one.symbol) else 0

    def _untraded(self, one: UseModel) -> Refused | None:
        """A model that nobody would ask."""
        strategies = {row.symbol: row.strategy for row in self.desk.symbols()}
        if is_pooled(one.symbol):
            fits = one.strategy in strategies.values()
            return None if fits else Refused("proposal", f"{one.strategy} trades no symbol here any more")
        if one.symbol not in strategies:
            return Refused("proposal", f"{one.symbol} is not traded any more")
        if strategies[one.symbol] != one.strategy:
            return Refused("proposal", f"{one.symbol} is not traded by {one.strategy} any more")
        return None


def _fault(root: Path, offered: Offered) -> str:
    """What is wrong with the files, empty when nothing is. Loads the model: for a thread."""
    one = offered.command
    place = f"{one.strategy}/{one.symbol}"
    try:
        folder = files.place(root, one.strategy, one.symbol)
        now = files.current_version(folder) or ""
        if now != one.before:
            return f"{place}: {word(now)} is in use now; it was {word(one.before)} when this was proposed"
        if one.version:
            card = load_model(folder / one.version).card
            if offered.mark and mark_of(card) != offered.mark:
                return f"{place}: {one.version} is not what it was when this was proposed; train it anew"
    except ModelError as error:
        return f"{place}: {word(one.version)} cannot be used: {error}"
    return ""
