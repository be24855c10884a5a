"""Phantoms of a whole desk: what it decides is followed, told in chat, and goes on after any end of the run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from phantom_kit import market as wild
from whole_house import BAR_MS, START_MS, Desk, market, whole_house

from bot.domain.command import OpenPosition
from bot.domain.decision import Decision
from bot.domain.signal import Side
from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.feature import FeatureSet
from bot.ml.phantom import Ending, Followed, candles_since, follow_all, phantom_of
from bot.ml.registry import FEATURES
from bot.strategy import Frame
from cli.house import House
from handlers.format import money
from storage.database import Database

CLOSES = (100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.004, 90)))).tolist()
MARKET = market(CLOSES, wick=0.001)


def book(house: House) -> Database:
    return house.database


async def known(desk: Desk) -> list[Followed]:
    """Everything that is followed or has been, oldest first."""
    house = desk.house
    assert house.follower is not None
    await house.follower.catch_up()
    store = book(house).phantoms(house.plan.account)
    found = [*(await store.finished()), *(Followed(one) for one in await store.waiting())]
    return sorted(found, key=lambda one: (one.phantom.bar_at_ms, one.phantom.symbol))


async def decided(desk: Desk) -> tuple[Decision, ...]:
    return (await desk.house.desk.decisions(10_000))[::-1]


def expected(frame: Frame, followed: Followed, until_ms: int) -> Ending | None:
    """What the rules make of a phantom with the candles up to a time."""
    told = (one for one in candles_since(frame, 0) if one.open_at_ms + BAR_MS <= until_ms)
    found = follow_all(followed.phantom, None, told)
    return found if isinstance(found, Ending) else None


async def test_every_decision_has_its_phantom_and_its_end(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [MARKET]) as desk:
        await desk.bars(60)
        decisions, found = await decided(desk), await known(desk)
        assert len(found) == len(decisions) > 40
        assert {one.phantom.refused_by for one in found} >= {"", "same symbol"}
        for decision, one in zip(decisions, found, strict=True):
            made = phantom_of(decision, one.phantom.terms)
            assert made == one.phantom
            assert one.ending == expected(MARKET, one, desk.house.now_ms())
        assert found[0].phantom.terms.lookahead == 24
        assert sum(one.ending is None for one in found) > 0


async def test_the_chat_tells_the_real_figures(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [MARKET]) as desk:
        assert "No signals are followed" in await desk.say("/phantoms")
        await desk.bars(60)
        found = await known(desk)
        over = [one.ending for one in found if one.ending is not None and one.phantom.refused_by]
        net = sum(one.net for one in over)
        words = await desk.say("/phantom_stats")
        assert f"{'saved' if net < 0 else 'cost'} {money(abs(net), 'USDT', signed=False)}" in words
        assert f"{len(over)}, {100 * sum(one.won for one in over) / len(over):.1f}% won" in words
        assert "same symbol" in words
        assert "XRPUSDT" in await desk.say("/phantoms")
        assert "Followed alone" not in await desk.say("/why XRPUSDT"), "the last bar's signal has not ended"


@pytest.mark.parametrize("config", ["ml: {lookahead: 3, standard_notional: 250}\n"])
async def test_the_configuration_says_how_long_and_how_large(tmp_path: Path, config: str) -> None:
    async with whole_house(tmp_path, [MARKET], config) as desk:
        await desk.bars(30)
        found = await known(desk)
        assert {one.phantom.terms.lookahead for one in found} == {3}
        assert max(one.ending.bars for one in found if one.ending) == 3


async def test_a_run_that_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    """Ended and started again every few bars: the same rows as in one go."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    async with whole_house(whole, [MARKET]) as desk:
        await desk.bars(50)
        at_once = await known(desk)
    for _ in range(5):
        async with whole_house(parts, [MARKET]) as desk:
            await desk.bars(10)
            in_parts = await known(desk)
    assert [(one.phantom.key, one.ending) for one in in_parts] == [
        (one.phantom.key, one.ending) for one in at_once
    ]


async def test_what_was_never_written_is_found_again(tmp_path: Path) -> None:
    """As if killed before a single phantom was written: decisions are in the books, the candles are the venue's."""
    async with whole_house(tmp_path, [MARKET]) as desk:
        follower = desk.house.follower
        assert follower is not None
        assert desk.house._following is not None
        desk.house._following.cancel()
        await desk.bars(40)
        decisions = await decided(desk)
        assert await book(desk.house).phantoms(desk.house.plan.account).tallies() == ()
    async with whole_house(tmp_path, [MARKET]) as desk:
        found = await known(desk)
        assert len(found) == len(decisions)
        for one in found:
            assert one.ending == expected(MARKET, one, desk.house.now_ms())


async def test_entries_by_hand_are_not_followed(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [MARKET]) as desk:
        await desk.bars(5)
        before = len(await known(desk))
        await desk.house.loop.execute(OpenPosition("XRPUSDT", Side.SHORT), "console:operator")
        by_hand = (await decided(desk))[before:]
        assert [one.signal.strategy for one in by_hand] == ["manual"]
        assert len(await known(desk)) == before


async def test_holes_in_the_market_are_skipped(tmp_path: Path) -> None:
    frame = wild(8, 70, "XRPUSDT")
    shifted = replace(frame, open_at_ms=frame.open_at_ms - frame.open_at_ms[0] + START_MS)
    assert (np.diff(shifted.open_at_ms) > BAR_MS).any()
    async with whole_house(tmp_path, [shifted]) as desk:
        await desk.bars(60)
        found = await known(desk)
        assert len(found) > 30
        for one in found:
            assert one.ending == expected(shifted, one, desk.house.now_ms())


async def test_features_are_those_of_training_where_models_are_asked(tmp_path: Path) -> None:
    """Bit for bit the row that training has for the signal's bar, live and for signals found again after a death."""
    steps = np.random.default_rng(7).normal(0, 0.003, (2, 660))
    xrp, btc = (
        market(np.exp(np.cumsum(one)).round(5).tolist(), name, wick=0.002)
        for one, name in zip(steps, ("XRPUSDT", "BTCUSDT"), strict=True)
    )
    sides = {"strength": np.full(660, 3.0), "side": np.ones(660)}
    expected = history_matrix(FeatureSet(FEATURES), Sources(xrp, btc=btc, **sides))
    config = "ml: {mode: shadow}\n"
    async with whole_house(tmp_path, [xrp, btc], config, history=620) as desk:
        await desk.bars(5)
        await known(desk)
        assert desk.house._following is not None
        desk.house._following.cancel()
        await desk.bars(5)
    async with whole_house(tmp_path, [xrp, btc], config, history=630) as desk:
        await desk.bars(5)
        found = [one.phantom for one in await known(desk) if one.phantom.symbol == "XRPUSDT"]
    assert len(found) >= 14
    for phantom in found:
        row = int(np.searchsorted(xrp.open_at_ms, phantom.bar_at_ms - BAR_MS))
        assert phantom.vector.hash == FeatureSet(FEATURES).hash
        assert np.array_equal(np.array(phantom.vector.values), expected[row], equal_nan=True)


async def test_without_models_no_features_are_computed(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [MARKET]) as desk:
        await desk.bars(5)
        assert {one.phantom.vector.values for one in await known(desk)} == {()}
