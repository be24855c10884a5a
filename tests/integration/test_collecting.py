"""Collectors of a running desk, over loopback: what exchanges forget comes whole, once, and never in the desk's way."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from binance_house import Notebook
from sandbox_house import Sandbox, sandbox

from bot.config import load_text
from bot.domain.errors import ConfigError
from bot.domain.market import DAY_MS, HOUR_MS
from bot.runtime.clock import WallClock
from bot.runtime.desk import JobView
from bot.runtime.perform import LanedPerformer, Performer
from bot.venues.ccxt_venue import budget
from bot.venues.ccxt_venue.past import VenuePast
from bot.venues.ccxt_venue.wire import Access, Environment
from bot.venues.history import FUNDING, KINDS, LS_RATIO, LS_RATIO_TOP, OPEN_INTEREST
from cli.collecting import Collecting, collecting
from cli.jobs import build_jobs
from cli.live_paper import PaperLive
from cli.past import past_of
from cli.venues import READ_LAG_MS, ExchangeAt
from cli.wiring import Blueprint, House, open_house
from research.fetching.collecting import Collector
from research.fetching.patience import Patience
from research.store.files import FileStore
from research.store.port import Points
from sandbox.exchange.serving.faults import RequestEffect, on_request

PERIOD = 900_000
SYMBOL = "BTCUSDT"
MONTH = 30 * 96
both = pytest.mark.parametrize("name", ["binance", "bybit"])


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange's second is a twentieth of ours: how many questions it allows a second is not what is tried here."""
    monkeypatch.setattr(budget, "ENDPOINT_S", 0.05)


def kinds_of(name: str) -> tuple[str, ...]:
    """Bybit tells the ratio of all accounts only."""
    return KINDS if name == "binance" else KINDS[:3]


def quick() -> Patience:
    return Patience(Random(1), tries=2, first_s=0.01, longest_s=0.02)


def past(box: Sandbox, name: str) -> VenuePast:
    access = Access(Environment.SANDBOX, rest=box.place["rest"], stream=box.place["stream"])
    return past_of(name, access, Notebook(), lambda: box.pace.now_ms)


@asynccontextmanager
async def collector(box: Sandbox, name: str, store: FileStore, *symbols: str) -> AsyncIterator[Collector]:
    source = past(box, name)
    try:
        yield Collector(source, store, symbols or (SYMBOL,), quick)
    finally:
        await source.close()


def store_in(tmp_path: Path, name: str) -> FileStore:
    return FileStore(tmp_path / "history", f"{name} sandbox")


def settled(box: Sandbox, symbol: str = SYMBOL) -> list[tuple[int, float]]:
    """Every settlement, as the exchange itself knows it."""
    told = box.stage.exchange.funding_history(symbol, 0, box.pace.now_ms, 100_000)
    return [(at_ms, float(rate)) for at_ms, rate in told]


def rows(points: Points) -> list[tuple[int, float]]:
    return list(zip(points.at_ms.tolist(), points.value.tolist(), strict=True))


def whole(store: FileStore, kind: str, since_ms: int, until_ms: int) -> bool:
    """Every quarter of an hour in the span is there, each once, in order."""
    at_ms = store.points(kind, SYMBOL, since_ms, until_ms).at_ms.tolist()
    return bool(at_ms == list(range(-(-since_ms // PERIOD) * PERIOD, until_ms, PERIOD)))


@both
async def test_the_first_round_brings_a_month_and_funding_from_the_start(tmp_path: Path, name: str) -> None:
    store = store_in(tmp_path, name)
    async with sandbox(name) as box, collector(box, name, store) as ours:
        found = await ours.round()
        now_ms = box.pace.now_ms // PERIOD * PERIOD
        assert (found.faults, found.left, found.asked) == ((), 0, len(kinds_of(name)))
        assert rows(store.points(FUNDING, SYMBOL)) == settled(box)
        for kind in kinds_of(name)[1:]:
            assert whole(store, kind, now_ms - 30 * DAY_MS + 2 * HOUR_MS, now_ms), kind
        again = await ours.round()
        assert (again.added, again.faults) == (0, ())
        assert again.asked == len(kinds_of(name)) - 1, "no settlement since: funding is not asked for"


async def test_the_ratio_of_top_accounts_is_not_that_of_all(tmp_path: Path) -> None:
    store = store_in(tmp_path, "binance")
    async with sandbox("binance") as box, collector(box, "binance", store) as ours:
        await ours.round()
        every, top = (store.points(kind, SYMBOL) for kind in (LS_RATIO, LS_RATIO_TOP))
        assert every.at_ms.tolist() == top.at_ms.tolist()
        share = every.value / (1 + every.value)
        expected = (share + 0.5) / 2
        assert abs(top.value - expected / (1 - expected)).max() < 1e-3
        assert (every.value != top.value).any()


@both
async def test_what_is_new_comes_with_every_round_and_the_hole_of_a_downtime_is_filled(
    tmp_path: Path, name: str
) -> None:
    store = store_in(tmp_path, name)
    async with sandbox(name) as box:
        async with collector(box, name, store) as ours:
            await ours.round()
            before_ms = box.pace.now_ms
            for _ in range(4):
                box.pace.skip(PERIOD)
                found = await ours.round()
                assert (found.added >= len(kinds_of(name)) - 1, found.faults) == (True, ())
        box.pace.skip(20 * HOUR_MS)
        async with collector(box, name, store) as after:
            found = await after.round()
            assert found.faults == ()
        now_ms = box.pace.now_ms // PERIOD * PERIOD
        for kind in kinds_of(name)[1:]:
            assert whole(store, kind, before_ms - 10 * DAY_MS, now_ms), kind
        assert rows(store.points(FUNDING, SYMBOL)) == settled(box)


async def test_a_first_round_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """Ended in the middle of the month, the next run asks only for what is missing."""
    store = store_in(tmp_path, "binance")
    async with sandbox("binance") as box:
        async with collector(box, "binance", store) as ours:
            running = asyncio.ensure_future(ours.round())
            while not len(store.points(OPEN_INTEREST, SYMBOL).at_ms):
                assert not running.done()
                await asyncio.sleep(0.01)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        kept = len(store.points(OPEN_INTEREST, SYMBOL).at_ms)
        assert 0 < kept < MONTH - 10
        source = past(box, "binance")
        asked: list[tuple[int, int]] = []
        figures = source.figures

        async def noted(kind: str, symbol: str, from_ms: int, to_ms: int) -> Any:
            if kind == OPEN_INTEREST:
                asked.append((from_ms, to_ms))
            return await figures(kind, symbol, from_ms, to_ms)

        source.figures = noted  # type: ignore[method-assign]
        oldest_ms = int(store.points(OPEN_INTEREST, SYMBOL).at_ms[0])
        try:
            found = await Collector(source, store, (SYMBOL,), quick).round()
        finally:
            await source.close()
        assert found.faults == ()
        assert all(to_ms <= oldest_ms or from_ms > oldest_ms for from_ms, to_ms in asked)
        now_ms = box.pace.now_ms // PERIOD * PERIOD
        assert whole(store, OPEN_INTEREST, now_ms - 29 * DAY_MS, now_ms)
        assert rows(store.points(FUNDING, SYMBOL)) == settled(box)


async def test_a_series_that_fails_is_named_and_the_others_come(tmp_path: Path) -> None:
    store = store_in(tmp_path, "binance")
    async with (
        sandbox("binance") as box,
        collector(box, "binance", store, SYMBOL, "ETHUSDT", "NOSUCH") as ours,
    ):
        box.stage.arm(
            [on_request(RequestEffect.ANSWER_BEFORE, "GET openInterestHist", symbol=SYMBOL, status=500)]
        )
        found = await ours.round()
        assert dict(found.faults) == {
            f"{SYMBOL} open_interest": "open_interest: HTTP 500",
            **{f"NOSUCH {kind}": "not listed" for kind in KINDS},
        }
        assert len(store.points(OPEN_INTEREST, "ETHUSDT").at_ms) > MONTH - 10
        box.stage.disarm()
        await ours.round()
        assert len(store.points(OPEN_INTEREST, SYMBOL).at_ms) > MONTH - 10


async def test_an_exchange_that_is_away_is_not_asked_for_everything(tmp_path: Path) -> None:
    store = store_in(tmp_path, "binance")
    names = (SYMBOL, "ETHUSDT", "XRPUSDT")
    async with sandbox("binance") as box, collector(box, "binance", store, *names) as ours:
        box.stage.arm([on_request(RequestEffect.ANSWER_BEFORE, status=503)])
        found = await ours.round()
        assert (found.asked, found.left) == (0, 12), "it cannot even be opened"
        assert found.faults[0][0] == "binance sandbox"
        box.stage.disarm()
        await ours._make_patience().ask(ours._source.open)
        ours._listed = await ours._source.open()
        box.stage.arm([on_request(RequestEffect.ANSWER_BEFORE, status=503)])
        found = await ours.round()
        assert 5 <= len(found.faults) == found.asked <= 7
        assert found.asked + found.left == 12
        box.stage.disarm()
        assert (await ours.round()).faults == ()


# The running desk


def plan_of(box: Sandbox, name: str, home: Path, text: str = "", *, paper: bool = False) -> Blueprint:
    """A desk on the sandbox: on the exchange's account, or on paper over its market."""
    place, clock = box.place, lambda: box.pace.now_ms
    key, secret = ("", "") if paper else (place["api_key"], place["secret"])
    access = Access(Environment.SANDBOX, key, secret, place["rest"], place["stream"])
    make = PaperLive if paper else ExchangeAt
    return Blueprint(
        home=home,
        loaded=load_text(text or "{}", home, {}),
        mode="paper" if paper else "testnet",
        account=f"{name}:testnet:test",
        timeframe="15m",
        symbols=(SYMBOL, "ETHUSDT"),
        make_venue=make(name, access, clock, Random(1)),
        read_lag_ms=0 if paper else READ_LAG_MS,
        wall_ms=WallClock().now_ms,
        performer=Performer if paper else LanedPerformer,
    )


@asynccontextmanager
async def desk(box: Sandbox, name: str, home: Path, text: str = "", **more: bool) -> AsyncIterator[House]:
    async with open_house(plan_of(box, name, home, text, **more)) as house:
        yield house


@both
@pytest.mark.parametrize("paper", [False, True])
async def test_it_is_a_job_of_the_desk_over_the_desks_own_line(
    tmp_path: Path, name: str, paper: bool
) -> None:
    async with sandbox(name) as box, desk(box, name, tmp_path, paper=paper) as house:
        jobs = build_jobs(house, WallClock())
        await jobs.start()
        try:
            [planned] = [view for view in jobs.views() if view.id == "collect"]
            assert (planned.rule, planned.next_run_at_ms % PERIOD) == ("every 15m + 90s", 90_000)
            line = house.venue.gateway if not paper else house.venue.line  # type: ignore[attr-defined]
            sent = line.health().sent
            view = await jobs.run_now("collect")
            assert line.health().sent > sent + 6, "the desk's own line, with its one budget"
        finally:
            await jobs.stop()
        assert isinstance(view, JobView)
        assert view.last_result.endswith(f"of {2 * len(kinds_of(name))} series"), view
        store = store_in(tmp_path, name)
        assert {(one.symbol, one.timeframe) for one in store.survey().points} == {
            (symbol, kind) for symbol in (SYMBOL, "ETHUSDT") for kind in kinds_of(name)
        }
        assert {one.source for one in store.survey().points} == {f"{name} sandbox"}


@pytest.mark.parametrize(
    "text, symbols",
    [
        ("collect: {enabled: false}", None),
        ("collect: {symbols: [XRPUSDT]}", ("XRPUSDT",)),
        ("", (SYMBOL, "ETHUSDT")),
    ],
)
async def test_the_configuration_says_whether_and_of_what(
    tmp_path: Path, text: str, symbols: tuple[str, ...] | None
) -> None:
    async with sandbox("binance") as box, desk(box, "binance", tmp_path, text) as house:
        found = collecting(house)
        assert (found._collector._symbols if found is not None else None) == symbols


@pytest.mark.parametrize(
    "text, line",
    [
        ("collect: {symbols: [btcusdt]}", "collect.symbols[1]: 'btcusdt' is not allowed"),
        ("collect: {symbols: [BTCUSDT, BTCUSDT]}", "collect.symbols: BTCUSDT more than once"),
        ("collect: {enabled: maybe}", "collect.enabled: 'maybe' is not allowed"),
        ("collect: {symbol: [BTCUSDT]}", "collect.symbol: unknown key; did you mean symbols?"),
    ],
)
def test_a_slip_in_the_configuration_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, tmp_path, {})
    [said] = str(caught.value).splitlines()
    assert line in said


async def test_trouble_is_logged_once_and_trading_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with sandbox("binance") as box, desk(box, "binance", tmp_path) as house:
        found = collecting(house)
        assert found is not None
        found._collector._make_patience = quick
        box.stage.arm([on_request(RequestEffect.ANSWER_BEFORE, "GET *Hist", status=500)])
        for _ in range(3):
            assert "2 failed, first BTCUSDT open_interest: open_interest: HTTP 500" in await found.round()
        assert said(caplog) == ["collecting: 2 of 8 series failed"]
        assert house.is_alive
        assert not house.desk.status().halts
        box.stage.disarm()
        await found.round()
        assert said(caplog) == ["collecting: 2 of 8 series failed", "collecting: all series answer again"]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the collectors logged, without the reasons."""
    lines = [record.getMessage() for record in caplog.records if record.name == "cli.collecting"]
    return [line.partition(", first")[0] for line in lines]


async def test_writing_never_holds_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may take as long as it likes for a file: the loop's thread neither reads nor writes one."""
    at_work = set[int]()
    for name in ("add", "points"):
        monkeypatch.setattr(FileStore, name, seen(getattr(FileStore, name), at_work))
    async with sandbox("binance") as box, desk(box, "binance", tmp_path) as house:
        found = collecting(house)
        assert found is not None
        await found.round()
    assert at_work
    assert threading.get_ident() not in at_work


def seen[**P, R](work: Callable[P, R], at_work: set[int]) -> Callable[P, R]:
    """The same work, and which threads do it."""

    def noted(*args: P.args, **kwargs: P.kwargs) -> R:
        at_work.add(threading.get_ident())
        return work(*args, **kwargs)

    return noted


async def test_history_of_another_source_is_left_alone_and_named(tmp_path: Path) -> None:
    mine = replace_source(store_in(tmp_path, "binance"))
    mine.add(OPEN_INTEREST, SYMBOL, Points(*one_point()))
    async with sandbox("binance") as box, collector(box, "binance", store_in(tmp_path, "binance")) as ours:
        told = Collecting(ours)
        assert "first BTCUSDT open_interest: " in await told.round()
    assert rows(mine.points(OPEN_INTEREST, SYMBOL)) == [(PERIOD * 100, 5.0)]


def replace_source(store: FileStore) -> FileStore:
    return FileStore(store.root, "import")


def one_point() -> tuple[Any, Any]:
    import numpy as np

    return np.array([PERIOD * 100], dtype=np.int64), np.array([5.0])
