"""Proposals: filed once, decided once, by account, over restarts."""

import asyncio
from dataclasses import replace

from storage_kit import ACCOUNT, NOW, OTHER, opened

from bot.runtime.proposals import Draft, Filed, ProposalState, Verdict
from storage.database import Database

DAY = 86_400_000
LATER = NOW + 14 * DAY
DRAFT = Draft(
    kind="parameters",
    title="XRPUSDT: stop 1.5",
    changes=(("stop of XRPUSDT", "2.0", "1.5"),),
    figures=(("Profit factor", "0.9", "1.3"), ("Trades", "40", "38")),
    body='{"steps": []}',
    source="sweep",
)
WAITING, APPLYING, APPROVED, REJECTED, EXPIRED = ProposalState
BY_ANNA = Verdict("telegram:1", NOW + 5, "looks sound", 42)


async def test_what_is_filed_is_found_after_a_restart(url: str) -> None:
    async with opened(url) as database:
        first = await database.proposals(ACCOUNT).add(DRAFT, NOW, LATER)
        second = await database.proposals(ACCOUNT).add(replace(DRAFT, body="other"), NOW + 1, LATER)
    assert (first.id, second.id) == ("p1", "p2")
    async with opened(url) as database:
        book = database.proposals(ACCOUNT)
        assert await book.get(1) == Filed(1, NOW, LATER, DRAFT)
        assert await book.listed((WAITING,), 10) == (second, first)
        assert await book.listed((WAITING,), 1) == (second,)
        assert await book.get(3) is None


async def test_the_same_again_is_the_one_that_waits_with_newer_figures(database: Database) -> None:
    book = database.proposals(ACCOUNT)
    await book.add(DRAFT, NOW, LATER)
    newer = replace(DRAFT, figures=(("Profit factor", "0.9", "1.4"),))
    again = await book.add(newer, NOW + DAY, LATER + DAY)
    assert again == Filed(1, NOW, LATER + DAY, newer)
    assert await book.get(1) == again
    await book.move(1, WAITING, REJECTED, BY_ANNA)
    assert (await book.add(DRAFT, NOW, LATER)).number == 2, "what was rejected may be proposed again"


async def test_a_state_is_left_once(url: str) -> None:
    async with opened(url) as database:
        book = database.proposals(ACCOUNT)
        await book.add(DRAFT, NOW, LATER)
        moves = (book.move(1, WAITING, APPLYING, replace(BY_ANNA, by=f"telegram:{n}")) for n in range(8))
        won = await asyncio.gather(*moves)
        assert sorted(won) == [False] * 7 + [True]
        assert await book.move(1, APPLYING, APPROVED, BY_ANNA)
        assert not await book.move(1, WAITING, REJECTED, BY_ANNA)
        assert not await book.move(9, WAITING, REJECTED, BY_ANNA)
    async with opened(url) as database:
        found = await database.proposals(ACCOUNT).get(1)
    assert found == Filed(1, NOW, LATER, DRAFT, APPROVED, BY_ANNA)


async def test_what_waited_too_long_is_over(database: Database) -> None:
    book = database.proposals(ACCOUNT)
    await book.add(DRAFT, NOW, NOW + DAY)
    await book.add(replace(DRAFT, body="b"), NOW, NOW + DAY)
    await book.move(2, WAITING, APPROVED, BY_ANNA)
    assert await book.expire(NOW + DAY - 1) == 0
    assert await book.expire(NOW + DAY) == 1
    found = await book.get(1)
    assert found is not None
    assert (found.state, found.verdict) == (EXPIRED, Verdict(at_ms=NOW + DAY))
    assert await book.expire(NOW + 2 * DAY) == 0


async def test_accounts_are_apart_and_processes_count_together(url: str) -> None:
    async with opened(url) as one, opened(url) as other:
        drafts = [replace(DRAFT, body=f"{n}") for n in range(12)]
        books = [one.proposals(ACCOUNT), other.proposals(ACCOUNT)]
        filed = await asyncio.gather(*(books[n % 2].add(draft, NOW, LATER) for n, draft in enumerate(drafts)))
        assert sorted(found.number for found in filed) == list(range(1, 13))
        assert await one.proposals(OTHER).listed(tuple(ProposalState), 20) == ()
        assert (await one.proposals(OTHER).add(DRAFT, NOW, LATER)).number == 1
        assert len(await other.proposals(ACCOUNT).listed((WAITING,), 20)) == 12
