"""Phantoms in the books: each signal once, ended once, by account, over restarts."""

import asyncio
from dataclasses import replace
from math import nan

import pytest
from phantom_kit import TERMS, candles, cases, decision, market
from storage_kit import ACCOUNT, OTHER, opened, step

from bot.domain.action import RecordDecision
from bot.domain.signal import Anchor, Side
from bot.ml.phantom import Ending, Followed, Outcome, Phantom, Vector, follow_all, phantom_of
from bot.runtime.phantoms import LateSignal, PhantomTally, Since
from storage.database import Database

FRAME = market(3)


def phantoms() -> list[Followed]:
    """Every kind: either side, taken and refused, ended or not, features missing in part."""
    found = []
    for number, case in enumerate(cases(3, FRAME)):
        gate = ("", "model", "spread")[number % 3]
        vector = Vector((1 / 3, -2e-9, 0.1 + number), "abc") if number % 2 else Vector()
        scored = None if number % 4 else 0.1 * number
        phantom = replace(case.phantom, refused_by=gate, vector=vector, model_score=scored)
        ending = follow_all(phantom, None, candles(FRAME))
        found.append(Followed(phantom, ending if isinstance(ending, Ending) else None))
    assert {one.ending is None for one in found} == {True, False}
    return found


FOLLOWED = phantoms()
BEGUN = [one.phantom for one in FOLLOWED]
ENDED = [(one.phantom, one.ending) for one in FOLLOWED if one.ending is not None]
OPEN = [one.phantom for one in FOLLOWED if one.ending is None]


async def test_what_is_written_is_found_after_a_restart_to_the_digit(url: str) -> None:
    async with opened(url) as database:
        await database.phantoms(ACCOUNT).write(BEGUN, [])
        await database.phantoms(ACCOUNT).write([], ENDED)
    async with opened(url) as database:
        book = database.phantoms(ACCOUNT)
        assert sorted(await book.waiting(), key=lambda one: one.bar_at_ms) == OPEN
        assert [await book.found(*one.key) for one in BEGUN] == FOLLOWED
        over = [one for one in FOLLOWED if one.ending is not None]
        assert sorted(await book.finished(), key=lambda one: one.phantom.bar_at_ms) == over
        assert await book.found("other", "TESTUSDT", BEGUN[0].bar_at_ms) is None


async def test_what_is_told_twice_counts_once(database: Database) -> None:
    book = database.phantoms(ACCOUNT)
    phantom, ending = ENDED[0]
    await book.write([phantom], [(phantom, ending)])
    before = await book.tallies()
    other = replace(ending, net=999.0, net_return=0.5, finished_at_ms=ending.finished_at_ms + 1)
    await book.write([replace(phantom, refused_by="spread", score=9.0)], [(phantom, other)])
    assert await book.found(*phantom.key) == Followed(phantom, ending)
    assert await book.tallies() == before
    await asyncio.gather(*(book.write(BEGUN, ENDED) for _ in range(4)))
    assert len(await book.finished()) == len(ENDED)


async def test_an_end_without_its_beginning_is_nothing(database: Database) -> None:
    book = database.phantoms(ACCOUNT)
    await book.write([], ENDED[:1])
    assert await book.tallies() == ()


async def test_tallies_by_symbol_and_gate(database: Database) -> None:
    book = database.phantoms(ACCOUNT)
    await book.write(BEGUN, ENDED)
    for since_ms in (0, BEGUN[len(BEGUN) // 2].bar_at_ms):
        found = {one.refused_by: one for one in await book.tallies(since_ms)}
        for gate in ("", "model", "spread"):
            mine = [
                one
                for one in FOLLOWED
                if one.phantom.refused_by == gate and one.phantom.bar_at_ms >= since_ms
            ]
            over = [one.ending for one in mine if one.ending is not None]
            tally = PhantomTally(
                "TESTUSDT",
                gate,
                len(mine) - len(over),
                len(over),
                sum(one.won for one in over),
                found[gate].net,
            )
            assert found[gate] == tally
            assert found[gate].net == pytest.approx(sum(one.net for one in over))


async def test_finished_since_and_of_one_symbol(database: Database) -> None:
    book = database.phantoms(ACCOUNT)
    other = replace(ENDED[0][0], symbol="OTHERUSDT")
    await book.write([*BEGUN, other], [*ENDED, (other, ENDED[0][1])])
    assert [one.phantom for one in await book.finished(symbol="OTHERUSDT")] == [other]
    assert await book.finished(strategy="nobody") == ()
    ends = [one.ending.finished_at_ms for one in await book.finished() if one.ending]
    assert ends == sorted(ends)
    everything = await book.finished()
    assert await book.finished(newest=3) == everything[-3:]
    assert await book.finished(newest=len(everything) + 5) == everything
    assert await book.finished(symbol="OTHERUSDT", newest=1) == (await book.finished(symbol="OTHERUSDT"))[-1:]
    late = await book.finished(ends[-1])
    assert {one.ending.finished_at_ms for one in late if one.ending} == {ends[-1]}


async def test_features_that_are_missing_stay_missing(database: Database) -> None:
    book, phantom = database.phantoms(ACCOUNT), replace(BEGUN[0], vector=Vector((nan, 1.5), "hash"))
    await book.write([phantom], [])
    found = await book.found(*phantom.key)
    assert found is not None
    assert str(found.phantom.vector) == str(phantom.vector)


async def test_other_accounts_are_not_seen(database: Database) -> None:
    await database.phantoms(ACCOUNT).write(BEGUN, ENDED)
    book = database.phantoms(OTHER)
    assert (await book.waiting(), await book.tallies(), await book.finished()) == ((), (), ())
    assert await book.missed(0) == ()


async def test_decisions_that_were_missed_are_those_from_the_newest_phantoms_on(database: Database) -> None:
    made = [decision(FRAME, row, Side.LONG) for row in range(2, 6)]
    same = replace(made[1], id="twin", signal=replace(made[1].signal, symbol="OTHERUSDT"))
    told = [*made[:2], same, *made[2:]]
    await database.ledger(ACCOUNT).commit([step(1, *map(RecordDecision, told))])
    book = database.phantoms(ACCOUNT)
    assert await book.missed(0) == tuple(told)
    assert await book.missed(made[2].at_ms) == tuple(told[3:])
    await book.write([phantom for one in told[:2] if (phantom := phantom_of(one, TERMS))], [])
    assert await book.missed(0) == tuple(told[1:]), "what was decided at the same moment may be missing"


async def test_levels_that_keep_their_prices_are_remembered_so(database: Database) -> None:
    phantom: Phantom = replace(BEGUN[0], anchor=Anchor.LEVEL, target_price=0.0, sized=False)
    await database.phantoms(ACCOUNT).write([phantom], [])
    assert await database.phantoms(ACCOUNT).waiting() == (phantom,)


def scored(number: int, one: Followed) -> Followed:
    """Scored by one of two models or by none, on either side of the threshold; some have no score."""
    model = ("", "TESTUSDT/v0001", "_general/v0001")[number // 3 % 3]
    score = None if number % 5 == 0 or not model else 0.35 + 0.1 * (number % 5)
    phantom = replace(one.phantom, model=model, model_score=score, model_threshold=0.5 if model else None)
    return replace(one, phantom=phantom)


async def test_what_models_let_through_and_kept_out(database: Database) -> None:
    told = [scored(number, one) for number, one in enumerate(FOLLOWED)]
    book = database.phantoms(ACCOUNT)
    await book.write(
        [one.phantom for one in told], [(one.phantom, one.ending) for one in told if one.ending is not None]
    )
    assert [await book.found(*one.phantom.key) for one in told] == told
    found = await book.model_tallies(["TESTUSDT/v0001", "_general/v0001", "TESTUSDT/v0009"])
    assert [one.model for one in found] == ["TESTUSDT/v0001", "_general/v0001"]
    for tally in found:
        mine = [
            one for one in told if one.phantom.model == tally.model and one.phantom.model_score is not None
        ]
        passed = [one for one in mine if (one.phantom.model_score or 0.0) >= 0.5]
        kept = [
            one
            for one in mine
            if one not in passed and one.ending and one.phantom.refused_by in ("", "model")
        ]
        ends = [one.ending.outcome for one in passed if one.ending]
        assert (tally.scored, tally.passed) == (len(mine), len(passed))
        assert (tally.targets, tally.stops) == (ends.count(Outcome.TARGET), ends.count(Outcome.STOP))
        assert tally.refused == len(kept)
        assert tally.refused_net == pytest.approx(sum(one.ending.net for one in kept if one.ending))
    for figure in ("passed", "targets", "stops", "refused"):
        assert sum(getattr(one, figure) for one in found) > 0
    assert await book.model_tallies([]) == ()
    assert await book.model_tallies(["TESTUSDT/v0001", *(f"X{n}/v0001" for n in range(1200))]) == found[:1]
    assert await database.phantoms(OTHER).model_tallies(["TESTUSDT/v0001"]) == ()


async def test_ended_signals_are_counted_from_a_bar_on(database: Database) -> None:
    book = database.phantoms(ACCOUNT)
    await book.write(BEGUN, ENDED)
    middle = ENDED[len(ENDED) // 2][0].bar_at_ms
    after = sum(phantom.bar_at_ms > middle for phantom, _ in ENDED)
    asked = [
        Since("scripted", "TESTUSDT", 0),
        Since("scripted", "TESTUSDT", middle),
        Since("scripted", "TESTUSDT", BEGUN[-1].bar_at_ms),
        Since("other", "TESTUSDT", 0),
    ]
    assert await book.outcomes(asked) == (len(ENDED), after, 0, 0)
    assert 0 < after < len(ENDED)
    assert await database.phantoms(OTHER).outcomes(asked) == (0, 0, 0, 0)


async def test_features_of_late_signals(database: Database) -> None:
    book = database.phantoms(ACCOUNT)
    await book.write(BEGUN, ENDED)
    since_ms = BEGUN[len(BEGUN) // 2].decided_at_ms
    expected = [
        LateSignal(one.strategy, one.symbol, one.bar_at_ms, one.vector)
        for one in BEGUN
        if one.decided_at_ms >= since_ms and one.vector.values
    ]
    expected.reverse()
    assert len(expected) > 3
    assert await book.late_signals(since_ms, 1000) == tuple(expected)
    assert await book.late_signals(since_ms, 3) == tuple(expected[:3])
    assert await database.phantoms(OTHER).late_signals(0, 1000) == ()
