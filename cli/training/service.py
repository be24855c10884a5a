"""Training in a running house: for people, who see it go on and get a proposal; for jobs, which end in a challenger."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from bot.domain.errors import QuarterdeckError
from bot.domain.refusal import Refused
from bot.ml.model import ModelError
from bot.ml.shelf import Place
from bot.runtime.codec import decode
from cli.training.orders import Orders, members_of
from cli.training.turns import NAME, Ticket, Turns
from cli.training.versions import Versions
from cli.workshop.asking import TrainAnswer
from cli.workshop.crew import STOPPED, Task
from handlers.lab import Told
from handlers.learning import Proposal, ProposalBook
from handlers.model_versions import KIND, offered_of
from handlers.trainer import Trained, TrainOrder

LONGEST_S, LONGEST_POOLED_S = 900.0, 7_200.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class TrainingService:
    """A handlers.trainer.Trainer over a running house. `clusters` answers the number of each symbol's cluster."""

    orders: Orders
    turns: Turns
    versions: Versions
    book: ProposalBook
    clusters: Callable[[], Mapping[str, int]]
    installed: bool = field(init=False, default=True)
    _asking: dict[str, bool] = field(init=False, default_factory=dict)
    """People whose order goes on; True: it is to be stopped."""
    _strategies: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """A house trades the same symbols with the same strategies from its start to its end."""
        self._strategies = {one.symbol: one.strategy for one in self.orders.lab.settings.symbols}

    def queued(self, symbol: str) -> bool:
        """True while a training of a symbol's own model waits or runs."""
        place = self.place_of(symbol)
        return place is not None and self.turns.queued(place)

    def place_of(self, symbol: str) -> Place | None:
        """Where a symbol's own model lies; None where it is not traded."""
        strategy = self._strategies.get(symbol)
        return None if strategy is None else (strategy, symbol)

    async def stop(self, user: str) -> str:
        """Stop what a person has running or waiting; answers what that was."""
        if user in self._asking:
            self._asking[user] = True
            return self.turns.stop(user) or NAME
        return self.turns.stop(user)

    async def train(self, order: TrainOrder, told: Told) -> tuple[Trained, ...] | Refused:
        """One symbol after the other, each result into the book of proposals."""
        refused = self._refusal(order.user)
        if refused is not None:
            return refused
        self._asking[order.user] = False
        found: list[Trained] = []
        try:
            for number, symbol in enumerate(order.symbols):
                one = await self._for_person(
                    symbol, order.user, _part(told, number, len(order.symbols), symbol)
                )
                if isinstance(one, Refused):
                    return tuple(found) if found else one
                found.append(one)
        finally:
            del self._asking[order.user]
        return tuple(found)

    def _refusal(self, user: str) -> Refused | None:
        if user in self._asking:
            return Refused("running", f"you have {NAME} running; one at a time")
        refused = self.orders.lab.crew.refusal(user)
        return refused if refused is not None and refused.rule == "running" else None

    async def _for_person(self, symbol: str, user: str, told: Told) -> Trained | Refused:
        """Train one symbol's model and let it wait as a proposal; Refused only when the person stopped it."""
        place = self.place_of(symbol)
        if self._asking[user]:
            return STOPPED
        if place is None:
            return Trained(symbol, fault="it is not traded any more")
        answer = await self.made(Ticket(user, place), told)
        if self._asking[user] or answer == STOPPED:
            return STOPPED
        if isinstance(answer, Refused):
            return Trained(symbol, fault=answer.figures)
        try:
            filed = await self.filed(place, answer.version, f"training asked by {user}")
        except QuarterdeckError as error:
            log.warning("%s: %s is written, but cannot be proposed: %s", symbol, answer.version, error)
            return Trained(
                symbol, answer.version, fault=f"{answer.version} is written, but cannot be proposed"
            )
        return Trained(symbol, answer.version, filed, answer.words)

    async def made(self, ticket: Ticket, told: Told) -> TrainAnswer | Refused:
        """Wait for the turn, and train: a version is written that is in use nowhere."""
        refused = await self.turns.wait(ticket, partial(told, 0.0))
        if refused is not None:
            return refused
        members = members_of(self.orders.lab, ticket.place, self.clusters())
        with self.turns.hold(ticket):
            await told(0.0, "candles")
            try:
                parcel = await self.orders.parcel(ticket.place, members)
            except QuarterdeckError as error:
                log.warning("training of %s: %s", "/".join(ticket.place), error)
                return Refused("training", str(error))
            longest_s = LONGEST_S if len(members) == 1 else LONGEST_POOLED_S
            task = Task(ticket.user, NAME, parcel, longest_s)
            found = await self.orders.lab.crew.result(task, told)
            answer = found if isinstance(found, Refused) else _answer(found)
            return answer if isinstance(answer, Refused) else await self._with_room(ticket.place, answer)

    async def _with_room(self, place: Place, answer: TrainAnswer) -> TrainAnswer:
        """Older versions make room for the new one, but none that a proposal names: it may yet be put in use."""
        try:
            # asked first: a trial that ends meanwhile lets it wait, and drops it only then
            tried = await asyncio.to_thread(self.versions.challenger, place)
            spared = {answer.version, tried, *offered_of(await self.book.bodies(KIND), *place)}
            await asyncio.to_thread(self.versions.make_room, place, spared)
        except (QuarterdeckError, ValueError) as error:  # what was trained is there all the same
            log.warning("older versions of %s could not be removed: %s", "/".join(place), error)
            why = str(error) if isinstance(error, ModelError) else "the book of proposals cannot be read"
            return replace(answer, words=(*answer.words, f"Older versions could not be removed: {why}."))
        return answer

    async def filed(self, place: Place, version: str, source: str) -> Proposal:
        """Let a version wait for approval. Raises QuarterdeckError."""
        draft = await asyncio.to_thread(self.versions.draft, place, version, source)
        return await self.book.file(draft)


def _answer(found: bytes) -> TrainAnswer | Refused:
    """What a worker says it wrote; one of other code, as after an update under a running desk, may say it otherwise."""
    try:
        return decode(found, TrainAnswer)
    except ValueError:
        log.exception("a training's answer cannot be read")
        return Refused(
            "died", f"{NAME} answered what cannot be read; if the program was updated, restart the desk"
        )


def _part(told: Told, number: int, whole: int, symbol: str) -> Told:
    """Progress of one of several: its share of the bar, and its name."""

    async def tell(part: float, at: str) -> None:
        name = symbol if whole == 1 else f"{symbol}, {number + 1} of {whole}"
        await told((number + part) / whole, f"{name}: {at}" if at and at != symbol else name)

    return tell
