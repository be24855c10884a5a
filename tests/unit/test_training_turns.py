"""Whose turn it is to train: one at a time, people first, never beside too much other work, stopped while waiting."""

import asyncio

from bot.domain.refusal import Refused
from bot.ml.shelf import Place
from cli.training.turns import Ticket, Turns
from cli.workshop.crew import STOPPED, Crew

XRP, BTC, ETH = (("composite", f"{base}USDT") for base in ("XRP", "BTC", "ETH"))


class Story:
    """Trainings that begin and end when they are told to."""

    def __init__(self) -> None:
        self.crew = Crew()
        self.turns = Turns(self.crew)
        self.said: list[str] = []
        self.ends: dict[Place, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[Refused | None]] = []

    async def waits(self, words: str) -> None:
        self.said.append(words)

    async def asks(self, user: str, place: Place, *, job: bool = False) -> asyncio.Task[Refused | None]:
        self.ends[place] = asyncio.Event()
        task = asyncio.create_task(self._train(Ticket(user, place, job)))
        self.tasks.append(task)
        await self.rest()
        return task

    async def _train(self, ticket: Ticket) -> Refused | None:
        refused = await self.turns.wait(ticket, self.waits)
        if refused is None:
            with self.turns.hold(ticket):
                self.said.append(f"begins {ticket.place[1]}")
                await self.ends[ticket.place].wait()
        return refused

    async def ended(self, place: Place) -> None:
        self.ends[place].set()
        await self.rest()

    async def rest(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


async def test_one_at_a_time_and_people_before_jobs() -> None:
    story = Story()
    await story.asks("job:training", XRP, job=True)
    await story.asks("job:training2", ETH, job=True)
    await story.asks("ann", BTC)
    assert story.said == ["begins XRPUSDT", *2 * ["waits for the training of composite/XRPUSDT"]]
    assert all(story.turns.queued(place) for place in (XRP, BTC, ETH))
    await story.ended(XRP)
    assert story.said[-2:] == ["begins BTCUSDT", "waits for the training of composite/BTCUSDT"]
    assert not story.turns.queued(XRP)
    await story.ended(BTC)
    assert story.said[-1] == "begins ETHUSDT"
    await story.ended(ETH)
    assert [task.result() for task in story.tasks] == [None] * 3
    assert not any(story.turns.queued(place) for place in (XRP, BTC, ETH))


async def test_a_job_waits_until_nobody_works_and_a_person_until_there_is_room() -> None:
    story = Story()
    with story.crew.place("ann", "a backtest"):
        await story.asks("job:training", XRP, job=True)
        assert story.said == ["waits until nobody's work is running"]
        with story.crew.place("bob", "a sweep"):
            await story.asks("cid", BTC)
            assert story.said[-1] == "waits: 2 pieces of long work are running; try again soon"
        await story.rest()
        assert story.said[-2:] == ["begins BTCUSDT", "waits for the training of composite/BTCUSDT"]
        await story.ended(BTC)
        assert story.said[-1] == "waits until nobody's work is running"
    await story.rest()
    assert story.said[-1] == "begins XRPUSDT"
    await story.ended(XRP)
    assert story.crew.idle


async def test_who_waits_is_stopped_at_once_and_the_others_move_up() -> None:
    story = Story()
    await story.asks("ann", XRP)
    waiting = await story.asks("bob", BTC)
    third = await story.asks("cid", ETH)
    assert story.turns.stop("bob") == "a training"
    await story.rest()
    assert waiting.result() == STOPPED
    assert not story.turns.queued(BTC)
    assert story.turns.stop("nobody") == ""
    await story.ended(XRP)
    assert story.said[-1] == "begins ETHUSDT"
    await story.ended(ETH)
    assert third.result() is None


async def test_who_goes_away_while_waiting_leaves_no_trace() -> None:
    story = Story()
    await story.asks("ann", XRP)
    waiting = await story.asks("bob", BTC)
    waiting.cancel()
    await story.rest()
    assert not story.turns.queued(BTC)
    running = story.tasks[0]
    running.cancel()
    await story.rest()
    assert not story.turns.queued(XRP)
    assert story.crew.idle
    await story.asks("cid", ETH)
    assert story.said[-1] == "begins ETHUSDT"
    await story.ended(ETH)
