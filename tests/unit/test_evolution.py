"""Evolution: a symbol's own model shadows until enough signals have ended; whatever the books and disks do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import model_kit
import pytest
from phantom_kit import candles, cases, market

from bot.domain.errors import StorageError
from bot.ml import files
from bot.ml.card import Card
from bot.ml.model import ModelError
from bot.ml.phantom import Ending, Phantom, follow_all
from bot.ml.shelf import Place
from bot.ml.writing import prune, write_version
from bot.runtime.evolution import UNKNOWN, Evolution
from bot.runtime.phantoms import Since

OWN = model_kit.card(version="v0001")
PLACE = (OWN.strategy, OWN.symbol)
MADE = 1_600_000_000_000


@dataclass
class Books:
    """What has ended of the one symbol; `asked` remembers every question."""

    ended: int = 0
    closed: bool = False
    asked: list[Since] = field(default_factory=list)

    async def count(self, asked: Sequence[Since]) -> tuple[int, ...]:
        self.asked += asked
        if self.closed:
            raise StorageError("the database is away")
        return tuple(self.ended for _ in asked)


def ending(card: Card = OWN) -> tuple[Phantom, Ending]:
    frame = market(3)
    for case in cases(3, frame):
        found = follow_all(case.phantom, None, candles(frame))
        if isinstance(found, Ending):
            return replace(case.phantom, strategy=card.strategy, symbol=card.symbol), found
    raise AssertionError("no case ends")


def evolution(books: Books, needed: int = 150, grown: list[Place] | None = None) -> Evolution:
    told: list[Place] = [] if grown is None else grown
    return Evolution(needed, lambda _: MADE, books.count, told.append)


async def test_it_is_young_until_enough_have_ended_since_its_first_version() -> None:
    books, grown = Books(148), list[Place]()
    found = evolution(books, 150, grown)
    assert found.young(OWN) == UNKNOWN
    await found.learn([OWN])
    assert books.asked == [Since(*PLACE, MADE)]
    assert found.young(OWN) == "148 of 150 outcomes"
    for ended, said in ((149, "149 of 150 outcomes"), (150, ""), (151, "")):
        books.ended = ended
        await found.hear([ending(), ending()])
        assert found.young(OWN) == said
    assert grown == [PLACE]
    assert len(books.asked) == 3, "one that has come of age is not counted again"


async def test_a_new_version_of_a_grown_symbol_counts_at_once() -> None:
    found, grown = evolution(books := Books(150), grown=[]), list[Place]()
    await found.learn([OWN])
    later = replace(OWN, version="v0002", created_at_ms=OWN.created_at_ms + 10**9)
    assert found.young(later) == ""
    await found.learn([later])
    assert len(books.asked) == 1
    assert grown == [], "nobody is told of what was so before"


async def test_others_do_not_evolve_and_endings_of_others_ask_nothing() -> None:
    found = evolution(books := Books())
    for symbol in ("_general", "_cluster-3"):
        assert found.young(replace(OWN, symbol=symbol)) == ""
    await found.learn([replace(OWN, symbol="_general")])
    await found.hear([ending()])
    assert books.asked == []
    at_once = evolution(books, needed=0)
    await at_once.learn([OWN])
    assert (at_once.young(OWN), books.asked) == ("", [])


async def test_books_that_do_not_answer_leave_it_young_and_what_is_known_stays() -> None:
    books = Books(140, closed=True)
    found = evolution(books)
    await found.learn([OWN])
    assert found.young(OWN) == UNKNOWN
    books.closed = False
    await found.learn([OWN])
    assert found.young(OWN) == "140 of 150 outcomes"
    books.closed = True
    await found.hear([ending()])
    assert found.young(OWN) == "140 of 150 outcomes"


@pytest.mark.parametrize("fault", [ModelError("first: does not say when"), PermissionError(13, "denied")])
async def test_without_the_first_version_the_card_counts(fault: Exception) -> None:
    def broken(_: Place) -> int:
        raise fault

    books = Books(3)
    found = Evolution(150, broken, books.count)
    await found.learn([OWN])
    assert books.asked == [Since(*PLACE, OWN.created_at_ms)]


async def test_a_model_that_came_while_running_is_counted_soon() -> None:
    found = evolution(Books(7))
    found.soon(OWN)
    async with asyncio.timeout(60):
        while found.young(OWN) == UNKNOWN:  # noqa: ASYNC110 - what happens in threads sets no event
            await asyncio.sleep(0.01)
    assert found.young(OWN) == "7 of 150 outcomes"


def test_when_the_first_version_was_made_outlives_it(tmp_path: Path) -> None:
    folder = files.place(tmp_path, *PLACE)
    assert files.first_made_ms(folder) is None
    for seed in (1, 2, 3):
        write_version(tmp_path, model_kit.card(seed=seed), model_kit.text(seed), "", current=True)
    first = model_kit.card(seed=1).created_at_ms
    assert prune(tmp_path, *PLACE, keep=1) == ("v0001", "v0002")
    assert files.first_made_ms(folder) == first
    (folder / files.FIRST).unlink()
    assert files.first_made_ms(folder) == model_kit.card(seed=3).created_at_ms
    for text in ("", "yesterday", "-5", "9" * 19):
        (folder / files.FIRST).write_text(text)
        with pytest.raises(ModelError, match="composite/XRPUSDT/first: does not say when"):
            files.first_made_ms(folder)
