"""History from sandbox exchanges over loopback into the store: whole, without repetition, through faults and kills."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from binance_house import Notebook
from processes import ROOT, command, environ, quarterdeck, slip
from sandbox_house import Sandbox, sandbox

from bot.venues.ccxt_venue.wire import Access, Environment
from bot.venues.history import FUNDING, KINDS
from cli.past import past_of
from research.fetching.patience import Patience
from research.fetching.run import FetchError, Manner, Request, fetch
from research.fetching.symbol import Fetched
from research.progress import Stopped
from research.store.files import FileStore
from sandbox.exchange.serving.faults import RequestEffect, on_request

BAR = 900_000
both = pytest.mark.parametrize("name", ["binance", "bybit"])
KLINES = "GET klines"


def quick() -> Patience:
    return Patience(Random(1), first_s=0.01, longest_s=0.05)


async def fetched(
    box: Sandbox,
    name: str,
    store: FileStore,
    request: Request,
    manner: Manner | None = None,
    timeout_s: float = 10.0,
) -> list[Fetched]:
    access = Access(Environment.SANDBOX, rest=box.place["rest"], stream=box.place["stream"])
    source = past_of(name, access, Notebook(), lambda: box.pace.now_ms, timeout_s)
    try:
        return await fetch(source, store, request, manner or Manner(make_patience=quick))
    finally:
        await source.close()


def store_in(tmp_path: Path, name: str) -> FileStore:
    return FileStore(tmp_path / "history", f"{name} sandbox")


def truth(box: Sandbox, symbol: str, opens: Sequence[int]) -> list[tuple[float, ...]]:
    """What the exchange itself knows."""
    found = box.stage.exchange.klines(symbol, "15m", len(opens), opens[0], opens[-1])
    return [
        (one.open_at_ms, *map(float, (one.open, one.high, one.low, one.close, one.volume))) for one in found
    ]


def stored(store: FileStore, symbol: str) -> list[tuple[float, ...]]:
    frame = store.load(symbol, "15m")
    columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def candles(days: int = 12, *symbols: str, again: bool = False) -> Request:
    return Request(symbols or ("BTCUSDT",), "15m", days, (), again)


@both
async def test_candles_are_those_of_the_exchange_and_come_once(tmp_path: Path, name: str) -> None:
    store = store_in(tmp_path, name)
    async with sandbox(name) as box:
        (first,) = await fetched(box, name, store, candles())
        rows = stored(store, "BTCUSDT")
        assert rows == truth(box, "BTCUSDT", [int(row[0]) for row in rows])
        assert (first.count, first.added, first.corrected, first.gaps, first.fault) == (1152, 1152, 0, (), "")
        (again,) = await fetched(box, name, store, candles())
        assert (again.count, again.added, again.corrected) == (1152, 0, 0)
        (longer,) = await fetched(box, name, store, candles(15))
        assert (longer.count, longer.added) == (1440, 288)


@both
async def test_funding_goes_back_to_the_start_and_figures_have_no_holes(tmp_path: Path, name: str) -> None:
    store = store_in(tmp_path, name)
    async with sandbox(name) as box:
        found = {
            one.what: one for one in await fetched(box, name, store, Request(("BTCUSDT",), "15m", 9, KINDS))
        }
        kinds = KINDS if name == "binance" else KINDS[:3]
        assert {kind: found[kind].fault for kind in kinds} == dict.fromkeys(kinds, "")
        told = box.stage.exchange.funding_history("BTCUSDT", 0, box.pace.now_ms, 1000)
        points = store.points(FUNDING, "BTCUSDT")
        assert list(zip(points.at_ms.tolist(), points.value.tolist(), strict=True)) == [
            (at_ms, float(rate)) for at_ms, rate in told
        ]
        survey = {one.timeframe: one for one in store.survey().points}
        assert {kind: survey[kind].missing for kind in kinds} == dict.fromkeys(kinds, 0)
        for kind in kinds[1:]:
            assert 860 <= survey[kind].bars <= 866


@both
async def test_holes_and_wrong_bars_are_filled_and_corrected(tmp_path: Path, name: str) -> None:
    store = store_in(tmp_path, name)
    async with sandbox(name) as box:
        await fetched(box, name, FileStore(tmp_path / "whole", f"{name} sandbox"), candles())
        whole = FileStore(tmp_path / "whole", f"{name} sandbox").load("BTCUSDT", "15m")
        parts = [*range(100), *range(140, 700), *range(701, 1000)]
        columns = {
            n: getattr(whole, n)[parts] for n in ("open_at_ms", "open", "high", "low", "close", "volume")
        }
        store.upsert("15m", replace(whole, **columns))
        (filled,) = await fetched(box, name, store, candles())
        assert (filled.count, filled.added, filled.gaps) == (1152, 1152 - len(parts), ())
        wrong = replace(whole, **{n: getattr(whole, n)[5:8] + (n == "volume") for n in columns})
        store.upsert("15m", wrong)
        (kept,) = await fetched(box, name, store, candles())
        assert (kept.added, kept.corrected) == (0, 0)
        (again,) = await fetched(box, name, store, candles(again=True))
        assert (again.added, again.corrected) == (0, 3)
        assert stored(store, "BTCUSDT") == truth(box, "BTCUSDT", whole.open_at_ms.tolist())


FAULTS = {
    "too many requests": on_request(RequestEffect.TOO_MANY, every=3, times=3),
    "an error of the server": on_request(RequestEffect.ANSWER_BEFORE, every=3, times=4, status=503),
    "cut before": on_request(RequestEffect.CUT_BEFORE, chance=0.6, seed=3, times=9),
    "cut after": on_request(RequestEffect.CUT_AFTER, chance=0.6, seed=3, times=9),
    "garbage": on_request(RequestEffect.GARBAGE, every=3, times=4),
}


@both
@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_faults_on_the_way_change_nothing_of_what_is_stored(
    tmp_path: Path, name: str, fault: str
) -> None:
    store = store_in(tmp_path, name)
    heard: list[str] = []
    async with sandbox(name) as box:
        box.stage.arm([FAULTS[fault]])
        manner = Manner(heard=heard.append, make_patience=quick)
        found = await fetched(box, name, store, candles(35, "BTCUSDT", "ETHUSDT"), manner)
        box.stage.disarm()
        assert [(one.count, one.added, one.fault) for one in found] == [(3360, 3360, "")] * 2
        for symbol in ("BTCUSDT", "ETHUSDT"):
            rows = stored(store, symbol)
            assert rows == truth(box, symbol, [int(row[0]) for row in rows])
    assert heard or fault == "too many requests"  # the gateway repeats by itself what came too fast


HANGS = {
    "an answer that never comes": on_request(RequestEffect.HANG, "*line*", every=3, times=4),
    "an answer that comes too late": on_request(
        RequestEffect.DELAY_AFTER, "*line*", every=3, times=4, ms=900.0
    ),
    "a question that is looked at too late": on_request(
        RequestEffect.DELAY_BEFORE, "*line*", every=3, times=4, ms=900.0
    ),
    "a clock that does not answer": on_request(RequestEffect.HANG, "*time*", nth=1),
}


@both
@pytest.mark.parametrize("fault", sorted(HANGS))
async def test_what_hangs_and_then_answers_is_asked_again(tmp_path: Path, name: str, fault: str) -> None:
    store, heard = store_in(tmp_path, name), []
    async with sandbox(name) as box:
        box.stage.arm([HANGS[fault]])
        manner = Manner(heard=heard.append, make_patience=quick)
        found = await fetched(box, name, store, candles(60, "BTCUSDT", "ETHUSDT"), manner, 0.5)
        box.stage.disarm()
        assert [(one.count, one.added, one.fault) for one in found] == [(5760, 5760, "")] * 2
        for symbol in ("BTCUSDT", "ETHUSDT"):
            rows = stored(store, symbol)
            assert rows == truth(box, symbol, [int(row[0]) for row in rows])
    assert heard
    assert all("timeout; again in" in line for line in heard), heard


async def test_an_exchange_that_hangs_for_good_is_given_up_symbol_by_symbol(tmp_path: Path) -> None:
    """The pauses grow; what answers is fetched to its end meanwhile."""
    store, heard = store_in(tmp_path, "binance"), []
    async with sandbox("binance") as box:
        box.stage.arm([on_request(RequestEffect.HANG, KLINES, symbol="ETHUSDT")])
        manner = Manner(
            heard=heard.append,
            make_patience=lambda: Patience(Random(1), tries=4, first_s=0.1, longest_s=10.0),
        )
        asked = candles(3, "BTCUSDT", "ETHUSDT")
        began = time.monotonic()
        found = await fetched(box, "binance", store, asked, manner, 0.5)
        took = time.monotonic() - began
        assert [(one.symbol, one.count, one.fault) for one in found] == [
            ("BTCUSDT", 288, ""),
            ("ETHUSDT", 0, "candles: timeout"),
        ]
        assert sum("ETHUSDT" in line for line in heard) == 3, "the fourth try is the last"
        assert took > 4 * 0.5 + (0.1 + 0.2 + 0.4) / 2, "each pause is at least half of what it may be"
        box.stage.disarm()
        found = await fetched(box, "binance", store, asked)
        assert [(one.added, one.fault) for one in found] == [(0, ""), (288, "")]


async def test_an_exchange_that_stays_away_is_named_and_others_go_on(tmp_path: Path) -> None:
    store = store_in(tmp_path, "binance")
    async with sandbox("binance") as box:
        box.stage.arm([on_request(RequestEffect.ANSWER_BEFORE, KLINES, symbol="ETHUSDT", status=500)])
        manner = Manner(make_patience=lambda: Patience(Random(1), tries=3, first_s=0.01, longest_s=0.02))
        found = await fetched(box, "binance", store, candles(3, "BTCUSDT", "ETHUSDT"), manner)
        assert [(one.symbol, one.count, one.fault) for one in found] == [
            ("BTCUSDT", 288, ""),
            ("ETHUSDT", 0, "candles: HTTP 500"),
        ]
        assert len(store.load("ETHUSDT", "15m")) == 0


async def test_a_line_that_cannot_be_opened_and_names_that_are_not_listed_are_one_line(
    tmp_path: Path,
) -> None:
    store = store_in(tmp_path, "binance")
    async with sandbox("binance") as box:
        with pytest.raises(
            FetchError, match=r"^BTCUSD is not listed at binance sandbox; did you mean BTCUSDT\?"
        ):
            await fetched(box, "binance", store, candles(3, "BTCUSD"))
        box.stage.arm([on_request(RequestEffect.ANSWER_BEFORE, status=500)])
        manner = Manner(make_patience=lambda: Patience(Random(1), tries=2, first_s=0.01, longest_s=0.02))
        with pytest.raises(FetchError, match=r"^binance sandbox cannot be reached: "):
            await fetched(box, "binance", store, candles(), manner)
    assert store.inventory() == ()


async def test_stopped_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    store = store_in(tmp_path, "binance")

    def stop(done: int, whole: int) -> None:
        if 1000 <= done < whole:
            raise Stopped

    async with sandbox("binance") as box:
        with pytest.raises(Stopped):
            await fetched(box, "binance", store, candles(35), Manner(stop, make_patience=quick))
        kept = len(store.load("BTCUSDT", "15m"))
        assert 1000 <= kept < 3360
        (rest,) = await fetched(box, "binance", store, candles(35))
        assert (rest.count, rest.added) == (3360, 3360 - kept)


async def test_a_damaged_file_fails_its_symbol_only(tmp_path: Path) -> None:
    store = store_in(tmp_path, "binance")
    async with sandbox("binance") as box:
        await fetched(box, "binance", store, candles(3, "BTCUSDT", "ETHUSDT"))
        path = store.root / "candles" / "15m" / "BTCUSDT.parquet"
        path.write_bytes(path.read_bytes()[:-100])
        found = await fetched(box, "binance", store, candles(4, "BTCUSDT", "ETHUSDT"))
        assert "damaged" in found[0].fault
        assert (found[1].count, found[1].fault) == (384, "")


# The command, in a process of its own


@contextmanager
def exchange(*options: str) -> Iterator[dict[str, Any]]:
    """`quarterdeck sandbox` in another process."""
    process = subprocess.Popen(
        command("sandbox", *options), cwd=ROOT, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def rest_of(line: dict[str, Any], name: str) -> str:
    return str(line["venues"][name]["rest"])


def told(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """What the one JSON document says of each series."""
    assert done.returncode == 0, done.stderr
    return {f"{one['symbol']} {one['what']}": one for one in json.loads(done.stdout)["fetched"]}


def test_the_command_survives_kill_9_and_goes_on(tmp_path: Path) -> None:
    with exchange("--venue", "bybit", "--symbols", "3", "--seed", "3") as line:
        ask = ("fetch", "XRPUSDT", "--venue", "bybit", "--days", "300", "--only-candles", "--json")
        more = {"QUARTERDECK_VENUE__SANDBOX": rest_of(line, "bybit")}
        child = subprocess.Popen(
            command(*ask, home=tmp_path),
            cwd=ROOT,
            env=environ(**more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        path = tmp_path / "history" / "candles" / "15m" / "BTCUSDT.parquet"
        end = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        kept = {one.symbol: one.bars for one in FileStore(tmp_path / "history").survey().candles}
        assert kept["BTCUSDT"] > 0
        assert FileStore(tmp_path / "history").survey().damaged == ()
        found = told(quarterdeck(*ask, home=tmp_path, **more))
        assert sorted(found) == ["BTCUSDT 15m", "ETHUSDT 15m", "XRPUSDT 15m"]  # BTC and ETH once, for all
        assert {one["count"] for one in found.values()} == {28_800}
        assert found["BTCUSDT 15m"]["added"] == 28_800 - kept["BTCUSDT"]
        listed = json.loads(quarterdeck("data", "--json", home=tmp_path).stdout)
        assert [(one["symbol"], one["bars"], one["missing"], one["gaps"]) for one in listed["candles"]] == [
            (symbol, 28_800, 0, []) for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")
        ]


def armed(line: dict[str, Any], name: str, *rules: dict[str, Any]) -> None:
    """Let things go wrong at an exchange in another process; without rules all is well again."""
    what = "faults" if rules else "calm"
    body = json.dumps({"rules": rules} if rules else {}).encode()
    ask = urllib.request.Request(f"{line['control']}/{name}/{what}", data=body, method="POST")
    with urllib.request.urlopen(ask, timeout=60) as answer:
        assert answer.status == 200


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_command_outlives_a_time_out_and_a_kill_while_it_hangs(tmp_path: Path) -> None:
    """With the time-out as it is: ten seconds. Killed while nothing answers, the next run goes on where it was."""
    with exchange("--venue", "binance", "--symbols", "2", "--seed", "3") as line:
        ask = ("fetch", "BTCUSDT", "--alone", "--days", "60", "--only-candles")
        more = {
            "QUARTERDECK_VENUE__NAME": "binance",
            "QUARTERDECK_VENUE__SANDBOX": rest_of(line, "binance"),
        }
        hang = {"request": KLINES, "effect": "hang"}
        armed(line, "binance", {**hang, "from": 0, "every": 3})
        child = subprocess.Popen(
            command(*ask, home=tmp_path),
            cwd=ROOT,
            env=environ(**more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 60
        while not (kept := bars_in(tmp_path)):
            assert time.monotonic() < end
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        kept = bars_in(tmp_path)
        assert kept in (1000, 2000)
        armed(line, "binance", {**hang, "nth": 2})
        done = quarterdeck(*ask, home=tmp_path, **more)
        assert done.returncode == 0, done.stderr
        assert "BTCUSDT 15m: candles: timeout; again in 1 s" in done.stderr
        assert "BTCUSDT 15m: 5,760 rows" in done.stdout
        assert f"{5760 - kept:,} new" in done.stdout


def bars_in(home: Path) -> int:
    return sum(one.bars for one in FileStore(home / "history").survey().candles)


@pytest.mark.parametrize(
    "words, said",
    [
        (("fetch", "BTCUSDT", "--timeframe", "7m"), "--timeframe 7m: is not allowed; allowed: 1m, 3m"),
        (("fetch", "BTCUSDT", "foo/bar"), "'FOO/BAR' is no symbol; allowed: capitals and digits"),
        (("fetch", "BTCUSDT", "--venue", "okx"), "--venue: okx: history is fetched from binance, bybit only"),
    ],
)
def test_slips_are_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    assert said in slip(quarterdeck(*words, home=tmp_path))
