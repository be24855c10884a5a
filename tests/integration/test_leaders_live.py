"""BTC and ETH where they are not traded: scores and phantoms are those of training to the last bit, on every venue."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import model_kit
import numpy as np
import pytest
from loopback_house import BAR_MS, LISTED, both, loopback_house, told, twice
from model_house import BARS, HISTORY, NAMES, install
from sandbox_house import Sandbox, sandbox
from training_house import service_of
from whole_house import plan_of, walk, written

from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.feature import FeatureSet
from bot.ml.registry import FEATURES, feature_set
from bot.strategy import Array, Frame
from bot.venues.binance import BinanceDialect
from bot.venues.bybit import BybitDialect
from bot.venues.port import VenueUnavailable
from cli import leaders, wiring
from cli.live_paper_venue import LivePaperVenue
from cli.phantoms import Current
from cli.wiring import House, open_house
from cli.workshop.parcel import unpacked

SHADOW = "ml: {mode: shadow}\n"
XRP, BTC, ETH = walk(1, "XRPUSDT", BARS), walk(2, "BTCUSDT", BARS), walk(3, "ETHUSDT", BARS)


@asynccontextmanager
async def paper(home: Path, feed: Sequence[Frame], history: int = HISTORY) -> AsyncIterator[House]:
    """A desk that trades XRPUSDT alone, on a market that has more."""
    plan = plan_of(home, feed, f"{written(home, [XRP])}{SHADOW}", history)
    async with open_house(replace(plan, symbols=("XRPUSDT",))) as house:
        yield house


def in_training(frames: Mapping[str, Frame]) -> tuple[Array, Array]:
    """Score and all features of every bar of XRPUSDT, were there a long of strength 3 on each."""
    xrp = frames["XRPUSDT"]
    told = np.full(len(xrp), 3.0), np.ones(len(xrp))
    sources = Sources(
        xrp, btc=frames.get("BTCUSDT"), eth=frames.get("ETHUSDT"), strength=told[0], side=told[1]
    )
    scores = model_kit.knowing_nothing(1, len(NAMES)).predict(history_matrix(feature_set(NAMES), sources))
    return np.asarray(scores), history_matrix(FeatureSet(FEATURES), sources)


async def compared(house: House, frames: Mapping[str, Frame]) -> list[int]:
    """Rows of the history that were scored; every score and every phantom's vector is that of training."""
    assert house.follower is not None
    await house.follower.catch_up()
    scores, vectors = in_training(frames)
    times = frames["XRPUSDT"].open_at_ms + frames["XRPUSDT"].timeframe_ms
    found = []
    for one in await house.desk.decisions(200):
        row = int(np.searchsorted(times, one.signal.bar_at_ms))
        assert one.model_score == scores.item(row), row
        found.append(row)
        store = house.database.phantoms(house.plan.account)
        phantom = await Current(house.follower, store).found("metronome", "XRPUSDT", one.signal.bar_at_ms)
        assert phantom is not None
        assert np.array_equal(phantom.phantom.vector.values, vectors[row], equal_nan=True), row
    return sorted(found)


async def test_scores_and_phantoms_have_the_leaders_over_a_restart(tmp_path: Path) -> None:
    install(tmp_path, 1)
    feed, frames = (XRP, BTC, ETH), {"XRPUSDT": XRP, "BTCUSDT": BTC, "ETHUSDT": ETH}
    for history in (HISTORY, HISTORY + 6):
        async with paper(tmp_path, feed, history) as house:
            for _ in range(6):
                await house.step()
            found = await compared(house, frames)
    assert found == list(range(HISTORY, HISTORY + 12))
    names = FeatureSet(FEATURES).names
    made = in_training(frames)[1][HISTORY:, [names.index("btc_ret_1"), names.index("eth_ret_5")]]
    assert np.isfinite(made).all()


async def test_a_leaders_missing_bar_is_missing_as_in_training(tmp_path: Path) -> None:
    install(tmp_path, 1)
    rows = np.delete(np.arange(BARS), [HISTORY + 2, HISTORY + 3])
    holed = Frame(
        "BTCUSDT",
        BTC.timeframe_ms,
        *(getattr(BTC, name)[rows] for name in ("open_at_ms", "open", "high", "low", "close", "volume")),
    )
    async with paper(tmp_path, (XRP, holed)) as house:
        for _ in range(8):
            await house.step()
        found = await compared(house, {"XRPUSDT": XRP, "BTCUSDT": holed})
    assert found == list(range(HISTORY, HISTORY + 8))


async def test_signals_of_what_was_traded_before_are_followed_still(tmp_path: Path) -> None:
    """BTC was traded when the desk was killed, and is a leader only now."""
    text = f"{written(tmp_path, [XRP, BTC])}{SHADOW}"
    async with open_house(plan_of(tmp_path, (XRP, BTC), text, HISTORY)) as house:
        assert house._following is not None
        house._following.cancel()
        await house.step()
    async with paper(tmp_path, (XRP, BTC), HISTORY + 1) as house:
        assert house.follower is not None
        await house.follower.catch_up()
        records = Current(house.follower, house.database.phantoms(house.plan.account))
        at_ms = BTC.open_at_ms.item(HISTORY) + BTC.timeframe_ms
        found = await records.found("metronome", "BTCUSDT", at_ms)
        assert found is not None
        assert not found.phantom.vector.values
        assert (await records.found("metronome", "XRPUSDT", at_ms)) is not None


async def test_a_market_without_leaders_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(tmp_path, 1)
    async with paper(tmp_path, (XRP,)) as house:
        for _ in range(4):
            await house.step()
        assert len(await compared(house, {"XRPUSDT": XRP})) == 4
    told = [one.getMessage() for one in caplog.records if "are missing" in one.getMessage()]
    assert sorted(told) == [
        f"candles of {one} are missing, scores go without them: no candles of {one} on this feed"
        for one in ("BTCUSDT", "ETHUSDT")
    ]


# --- exchanges ------------------------------------------------------------------------------------------------------

DIALECTS = {"binance": BinanceDialect, "bybit": BybitDialect}


def desk(box: Sandbox, name: str, home: Path, *, on_paper: bool) -> AbstractAsyncContextManager[House]:
    """A desk over loopback that trades XRPUSDT alone."""
    config = f"{written(home, [XRP])}{SHADOW}"
    return loopback_house(box, name, home, "XRPUSDT", config=config, on_paper=on_paper)


async def bars(house: House, box: Sandbox, count: int) -> None:
    """Bars close at the exchange, one after the other, and the desk has decided on each."""
    seen = len(await house.desk.decisions(200))
    for number in range(1, count + 1):
        box.pace.skip(BAR_MS - box.pace.now_ms % BAR_MS + 50)
        async with asyncio.timeout(60):
            while len(await house.desk.decisions(200)) < seen + number:
                if isinstance(house.venue, LivePaperVenue):
                    await house.step()
                await asyncio.sleep(0.02)
        await house.settled()


@both
@twice
async def test_leaders_of_an_exchange_are_those_of_training(
    tmp_path: Path, name: str, on_paper: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaders, "PATIENCE_S", 5.0)  # the machine may be slow; what is late is another story
    monkeypatch.setattr(wiring, "SCORE_DEADLINE_MS", 60_000)
    install(tmp_path, 1)
    async with sandbox(name, symbols=LISTED) as box:
        async with desk(box, name, tmp_path, on_paper=on_paper) as house:
            await bars(house, box, 2)
        box.pace.skip(2 * BAR_MS)
        async with desk(box, name, tmp_path, on_paper=on_paper) as house:
            await bars(house, box, 2)
            frames = {one: await told(house, box, one, 1400) for one in LISTED}
            found = await compared(house, frames)
    assert len(found) >= 4
    assert len(frames["BTCUSDT"]) == 1400


@both
@twice
@pytest.mark.parametrize("hangs", [False, True], ids=["refused", "hangs"])
async def test_an_exchange_that_has_no_leaders_holds_no_score_up(
    tmp_path: Path, name: str, on_paper: bool, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The score comes, of a bar without leaders, while a question is refused or never answered."""
    install(tmp_path, 1)
    monkeypatch.setattr(wiring, "SCORE_DEADLINE_MS", 60_000)
    real, asked = DIALECTS[name].candles, list[str]()

    async def candles(self: object, symbol: str, timeframe: str, bars: int, until_ms: int = 0) -> Frame:
        if symbol == "XRPUSDT":
            return await real(self, symbol, timeframe, bars, until_ms)  # type: ignore[arg-type]
        asked.append(symbol)
        if hangs:
            await asyncio.Event().wait()
        raise VenueUnavailable("too many requests")

    async with sandbox(name, symbols=LISTED) as box:
        with monkeypatch.context() as patched:
            patched.setattr(DIALECTS[name], "candles", candles)
            async with desk(box, name, tmp_path, on_paper=on_paper) as house:
                await bars(house, box, 2)
                xrp = await told(house, box, "XRPUSDT", 1400)
                assert len(await compared(house, {"XRPUSDT": xrp})) == 2
    assert {"BTCUSDT", "ETHUSDT"} == set(asked)


# --- training -------------------------------------------------------------------------------------------------------


async def test_a_training_knows_the_leaders_too(tmp_path: Path) -> None:
    """What is listed and not traded has no window of the engine's."""
    async with paper(tmp_path, (XRP, BTC, ETH)) as house:
        assert {"BTCUSDT", "ETHUSDT"} <= set(house.engine.state.settings.instruments)
        await house.step()
        parcel = await service_of(house).orders.parcel(("metronome", "XRPUSDT"), ("XRPUSDT",))
        frames = {one.symbol: one for one in unpacked(BytesIO(parcel)).frames}
    assert set(frames) == {"XRPUSDT", "BTCUSDT", "ETHUSDT"}
    until = HISTORY + 1
    assert np.array_equal(frames["BTCUSDT"].close, BTC.close[:until])
    assert np.array_equal(frames["ETHUSDT"].open_at_ms, XRP.open_at_ms[:until])
