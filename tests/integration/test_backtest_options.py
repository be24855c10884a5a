"""Every option of `quarterdeck backtest` that changes what is traded, as typed: files in, figures out, recounted."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markets import real_data
from outcomes import BAR_MS, FROM_MS, random_frame
from recount import recount
from typed_backtest import LOOSE, Row, found, notes, number, part, slip, trades_of, typed, write

from bot.strategy import Frame

BARS = 6_000
HOUR_MS = 3_600_000
COST = 2 * (0.0004 + 0.0001)
"""Fee and slippage of both sides, as sizing counts them."""


def minutes(seed: int, symbol: str) -> Frame:
    """Candles of five minutes."""
    walk = random_frame(seed, 3 * BARS, symbol)
    figures = (walk.open, walk.high, walk.low, walk.close, walk.volume)
    return Frame(symbol, BAR_MS // 3, FROM_MS + (walk.open_at_ms - FROM_MS) // 3, *figures)


def quarters(inside: Frame) -> Frame:
    """Bars of three of them."""
    first = np.arange(0, len(inside), 3)
    return Frame(
        inside.symbol,
        BAR_MS,
        inside.open_at_ms[first],
        inside.open[first],
        np.maximum.reduceat(inside.high, first),
        np.minimum.reduceat(inside.low, first),
        inside.close[first + 2],
        np.add.reduceat(inside.volume, first),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BTCUSDT and XRPUSDT: candles of 15 and of 5 minutes, funding rates, a venue's rules."""
    root = tmp_path_factory.mktemp("files")
    for name in ("bars", "finer", "funding"):
        (root / name).mkdir()
    for seed, symbol in ((31, "BTCUSDT"), (32, "XRPUSDT")):
        inside = minutes(seed, symbol)
        write(root / "finer", inside)
        write(root / "bars", quarters(inside))
        times = np.arange(FROM_MS, FROM_MS + BARS * BAR_MS, 8 * HOUR_MS)
        rates = np.random.default_rng(seed).normal(1e-4, 3e-4, len(times))
        write_rates(root / "funding", symbol, times, rates)
    (root / "exchangeInfo.json").write_text(
        json.dumps({"symbols": [rules_of("BTCUSDT"), rules_of("XRPUSDT")]})
    )
    return root


def write_rates(folder: Path, symbol: str, times: np.ndarray, rates: np.ndarray) -> str:
    """Funding rates as a file."""
    path = folder / f"{symbol}-funding.parquet"
    pq.write_table(pa.table({"timestamp": times, "funding_rate": rates}), path)
    return str(path)


def rules_of(symbol: str) -> Row:
    """A contract as exchangeInfo has it: ticks of 0.05, steps of 0.1, at least 100 USDT."""
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.05"},
        {"filterType": "LOT_SIZE", "stepSize": "0.1", "minQty": "0.1", "maxQty": "1000"},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": "8"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
    ]
    kind = {"contractType": "PERPETUAL", "quoteAsset": "USDT", "marginAsset": "USDT", "status": "TRADING"}
    return {
        "symbol": symbol,
        **kind,
        "maintMarginPercent": "2.5",
        "requiredMarginPercent": "5",
        "filters": filters,
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home."""
    return tmp_path_factory.mktemp("home")


def ask(folder: Path, *symbols: str) -> tuple[str, ...]:
    """Candles and a strategy that speaks often."""
    candles = [str(folder / "bars" / f"{symbol}.parquet") for symbol in symbols or ("BTCUSDT",)]
    return ("--candles", *candles, "--strategy", "composite", *LOOSE)


def keys(trades: list[Row]) -> list[tuple[object, ...]]:
    """What happened in which bars."""
    return [
        tuple(one[name] for name in ("symbol", "side", "entry_at_ms", "exit_at_ms", "reason"))
        for one in trades
    ]


def equal_both_ways(home: Path, *words: str) -> Mapping[str, object]:
    """The fast result, after exact has told the same trades and both were recounted."""
    fast, exact = found(home, *words), found(home, *words, "--exact")
    assert recount(fast) == recount(exact) == []
    ours, theirs = trades_of(fast), trades_of(exact)
    assert keys(ours) == keys(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert number(one, "net_return") == pytest.approx(number(other, "net_return"), rel=1e-9, abs=1e-12)
        assert number(one, "quantity") == pytest.approx(number(other, "quantity"), rel=1e-9)
    return fast


def test_the_path_inside_a_bar_is_told_by_finer_candles(folder: Path, home: Path) -> None:
    """Narrow levels: many bars reach both; the path is neither always the stop nor always the target."""
    narrow = (*ask(folder), "atr_sl_mult=0.3", "atr_tp_mult=0.3")
    finer = ("--finer", str(folder / "finer" / "BTCUSDT.parquet"))
    runs = {
        "path": equal_both_ways(home, *narrow, "--both-hit", "path", *finer),
        "stop": equal_both_ways(home, *narrow, "--both-hit", "stop"),
        "target": equal_both_ways(home, *narrow, "--both-hit", "target"),
    }
    won = {rule: sum(one["reason"] == "TP" for one in trades_of(run)) for rule, run in runs.items()}
    assert won["stop"] < won["path"] < won["target"]
    run = part(runs["path"], "run")
    assert part(run, "config")["finer"] == list(finer[1:])
    assert not [line for line in notes(runs["path"]) if "finer" in line]


def test_bars_without_finer_candles_are_told(folder: Path, home: Path, tmp_path: Path) -> None:
    """Finer candles that begin later, and of one symbol only."""
    whole = pq.read_table(folder / "finer" / "BTCUSDT.parquet")
    late = whole.filter(np.asarray(whole[whole.column_names[0]]) >= FROM_MS + 1000 * BAR_MS)
    pq.write_table(late, tmp_path / "BTCUSDT.parquet")
    path = ("--both-hit", "path", "--finer", str(tmp_path / "BTCUSDT.parquet"))
    told = [line for line in notes(found(home, *ask(folder, "BTCUSDT", "XRPUSDT"), *path)) if "finer" in line]
    rest = "bars have no finer candles; one of these that reaches stop and target fills the stop"
    assert told == [f"BTCUSDT: 1,000 of {BARS:,} {rest}", f"XRPUSDT: {BARS:,} of {BARS:,} {rest}"]


def test_funding_is_paid_from_files_and_its_holes_are_told(folder: Path, home: Path, tmp_path: Path) -> None:
    """A folder of files; a file with a hole of ten days; a file that ends before the candles begin is refused."""
    words = ask(folder, "BTCUSDT", "XRPUSDT")
    paid = equal_both_ways(home, *words, "--funding", str(folder / "funding"))
    assert sum(abs(number(one, "funding")) > 0 for one in trades_of(paid)) > 20
    assert not [line for line in notes(paid) if "funding" in line]
    free = found(home, *words)
    assert "Without funding: no rates were given." in notes(free)
    changed = [
        number(one, "net") - number(other, "net")
        for one, other in zip(trades_of(paid), trades_of(free), strict=True)
    ]
    assert sum(changed) == pytest.approx(number(part(paid, "summary"), "funding"), abs=1e-6)
    whole = pq.read_table(folder / "funding" / "BTCUSDT-funding.parquet")
    times, rates = (whole[name].to_numpy() for name in ("timestamp", "funding_rate"))
    kept = (times < FROM_MS + 240 * HOUR_MS) | (times >= FROM_MS + 480 * HOUR_MS)
    holed = found(home, *ask(folder), "--funding", write_rates(tmp_path, "BTCUSDT", times[kept], rates[kept]))
    assert (
        "BTCUSDT: no funding rates 2023-01-10 16:00 to 2023-01-21 00:00; nothing is paid in these 10.3 days."
        in notes(holed)
    )
    early = write_rates(tmp_path, "XRPUSDT", times - 10**10, rates)
    assert "no rates of XRPUSDT in the time of the candles" in slip(
        home, *ask(folder, "XRPUSDT"), "--funding", early
    )


def test_real_funding_is_paid_and_its_late_beginning_is_told(home: Path) -> None:
    """TRXUSDT's rates begin in the middle of the candles, XRPUSDT's before them; later both ways pay alike."""
    data = real_data()
    names = ("TRXUSDT", "XRPUSDT")
    candles = [data / "candles" / "15m" / f"{name}.parquet" for name in names]
    rates = [data / "funding" / f"{name}-funding.parquet" for name in names]
    for path in (*candles, *rates):
        if not path.is_file():
            pytest.skip(f"{path.name} is not in the folder QUARTERDECK_REAL_DATA names")
    files = ("--candles", *map(str, candles), "--funding", *map(str, rates), "--strategy", "composite")
    whole = found(home, *files)
    assert [line for line in notes(whole) if "funding" in line] == [
        "TRXUSDT: no funding rates 2023-01-01 00:00 to 2024-02-15 08:00; nothing is paid in these 410.3 days."
    ]
    begin = int(np.datetime64("2024-02-15T08:00", "ms").astype(np.int64))
    early = [one for one in trades_of(whole) if number(one, "exit_at_ms") < begin]
    assert {one["symbol"] for one in early if one["funding"]} == {"XRPUSDT"}
    later = equal_both_ways(home, *files, "--from", "2024-10-01", *LOOSE)
    assert {one["symbol"] for one in trades_of(later) if one["funding"]} == set(names)
    assert not [line for line in notes(later) if "funding" in line]


def test_rules_of_a_venue_round_and_bound(folder: Path, home: Path) -> None:
    """Prices on ticks of 0.05, quantities on steps of 0.1, none above 8, none below 100 USDT; exact."""
    words = (*ask(folder, "BTCUSDT", "XRPUSDT"), "--rules", str(folder / "exchangeInfo.json"))
    content = found(home, *words)
    assert recount(content) == []
    trades = trades_of(content)
    assert len(trades) > 200
    for one in trades:
        for name in ("entry_price", "exit_price", "stop_price", "target_price"):
            assert Decimal(str(one[name])) % Decimal("0.05") == 0, (name, one)
        assert Decimal(str(one["quantity"])) % Decimal("0.1") == 0
        assert number(one, "quantity") <= 8
    lines = notes(content)
    assert "The exact way, because of --rules." in lines
    assert any("maximum quantity" in line and "made smaller by a bound" in line for line in lines)
    assert "--fast knows no --rules" in slip(home, *words, "--fast")
    small = found(home, *words, "--notional", "90")
    assert trades_of(small) == []
    assert any(line.startswith("minimum notional ") for line in notes(small))


def test_real_rules_on_real_candles(home: Path) -> None:
    """Two years of XRPUSDT by Binance's own ticks, steps and brackets: the books agree, nothing lies off the tick."""
    data = real_data()
    info = data / "fixtures" / "binance" / "fapi_MAINNET_exchangeInfo_2025-08-07_25symbols.json"
    brackets = info.with_name("fapi_leverageBracket_2026-09_from_freqtrade.json")
    candles = data / "candles" / "15m" / "XRPUSDT.parquet"
    for path in (info, brackets, candles):
        if not path.is_file():
            pytest.skip(f"{path.name} is not in the folder QUARTERDECK_REAL_DATA names")
    files = ("--candles", str(candles), "--rules", str(info), str(brackets))
    content = found(home, *files, "--strategy", "composite")
    assert recount(content) == []
    trades = trades_of(content)
    assert len(trades) > 100
    assert all(Decimal(str(one["entry_price"])) % Decimal("0.0001") == 0 for one in trades)
    assert all(Decimal(str(one["quantity"])) % Decimal("0.1") == 0 for one in trades)


def test_rules_of_another_symbol_are_refused(folder: Path, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "exchangeInfo.json"
    path.write_text(json.dumps({"symbols": [rules_of("ETHUSDT")]}))
    assert slip(home, *ask(folder), "--rules", str(path)) == "--rules: nothing of BTCUSDT in it"
    path.write_text(json.dumps({"symbols": [rules_of("BTCUSDT")]}))
    line = slip(home, *ask(folder, "BTCUSDT", "XRPUSDT"), "--rules", str(path))
    assert line == "no instrument of XRPUSDT: give all of them or none"


def test_limits_of_the_configuration_bind_and_are_named(folder: Path, tmp_path: Path) -> None:
    """Two trades a day, none within three hours of funding, a kill after seven losses: each is in the notes."""
    (tmp_path / "config.yaml").write_text(
        "mode: paper\nlimits:\n  max_trades_per_day: 2\n  funding_window_minutes: 180\n  kill_losing_run: 7\n"
    )
    words = (*ask(folder, "BTCUSDT", "XRPUSDT"), "--funding", str(folder / "funding"), "--limits")
    content = found(tmp_path, *words)
    assert recount(content) == []
    opened = [int(number(one, "entry_at_ms")) for one in trades_of(content)]
    days = [at_ms // (24 * HOUR_MS) for at_ms in opened]
    assert max(map(days.count, days)) == 2
    assert all((-at_ms) % (8 * HOUR_MS) >= 3 * HOUR_MS or at_ms % (8 * HOUR_MS) == 0 for at_ms in opened)
    (refused,) = [line for line in notes(content) if line.endswith(": entries that a gate refused.")]
    assert {part.rsplit(" ", 1)[0] for part in refused.split(":")[0].split(", ")} >= {
        "funding window", "symbol", "trades per day",
    }  # fmt: skip
    (killed,) = [line for line in notes(content) if line.startswith("Killed, and no entries from then on: ")]
    assert "XRPUSDT FAST 2023-01-" in killed
    assert "(7 losses running, limit 7)" in killed
    assert "Candles hold no quotes: max_spread_percent does not count." in notes(content)


def test_a_sum_at_risk(folder: Path, home: Path) -> None:
    """Quantity x (way to the stop + costs) is 50 USDT, but for the step from the signal's close to the entry."""
    content = equal_both_ways(home, *ask(folder), "--sizing", "risk_usd", "--risk", "50")
    for one in trades_of(content):
        entry, way = number(one, "entry_price"), abs(number(one, "entry_price") - number(one, "stop_price"))
        assert number(one, "quantity") * (way + entry * COST) == pytest.approx(50, rel=1e-3)


def test_a_share_at_risk(folder: Path, home: Path) -> None:
    """One per cent of the wallet as it stood at the signal."""
    content = equal_both_ways(
        home, *ask(folder), "--sizing", "risk_percent", "--risk", "1", "--wallet", "5000"
    )
    for one, wallet in wallets(trades_of(content), 5_000):
        entry, way = number(one, "entry_price"), abs(number(one, "entry_price") - number(one, "stop_price"))
        assert number(one, "quantity") * (way + entry * COST) == pytest.approx(wallet / 100, rel=1e-3)


def test_a_ratio_of_the_margin(folder: Path, home: Path) -> None:
    """margin_ratio: wallet x ratio x leverage, the ratio falling from a half by 0.0006 for each USDT gained."""
    content = equal_both_ways(home, *ask(folder), "--sizing", "margin_ratio", "--leverage", "2")
    for one, wallet in wallets(trades_of(content), 10_000):
        ratio = max(0.2, min(0.5, 0.5 - (wallet - 10_000) * 0.0006))
        assert number(one, "quantity") * number(one, "entry_price") == pytest.approx(
            wallet * ratio * 2, rel=1e-3
        )


def wallets(trades: list[Row], wallet: float) -> list[tuple[Row, float]]:
    """Each trade with the wallet as its signal found it; those that began with the end of another are left out."""
    found = []
    for one in trades:
        gone = [other for other in trades if number(other, "exit_at_ms") < number(one, "entry_at_ms")]
        turned = any(other["exit_at_ms"] == one["entry_at_ms"] for other in trades)
        if not turned:
            found.append((one, wallet + sum(number(other, "net") for other in gone)))
    assert len(found) > 100
    return found


def month_day(at_ms: int) -> str:
    """A day of 2023."""
    return str(np.datetime64(at_ms, "ms"))[5:10]


def test_walk_forward_judges_the_given_parameters_fold_by_fold(home: Path, tmp_path: Path) -> None:
    """3m/1m over seven months: four folds; every test window is what `--from --to` gives by itself."""
    path = write(tmp_path, random_frame(33, 212 * 96, "XRPUSDT"))
    words = ("--candles", path, "--strategy", "composite", *LOOSE)
    walked = part(found(home, *words, "--walk-forward", "3m/1m"), "walk_forward")
    folds = walked["folds"]
    assert isinstance(folds, list)
    names = ("train_from_ms", "train_to_ms", "test_from_ms", "test_to_ms")
    assert [[month_day(fold[name]) for name in names] for fold in folds] == [
        ["01-01", "04-01", "04-01", "05-01"],
        ["02-01", "05-01", "05-01", "06-01"],
        ["03-01", "06-01", "06-01", "07-01"],
        ["04-01", "07-01", "07-01", "08-01"],
    ]
    alone = [
        found(home, *words, "--from", f"2023-0{month}-01", "--to", f"2023-0{month + 1}-01")
        for month in range(4, 8)
    ]
    for fold, one in zip(folds, alone, strict=True):
        for name in ("trades", "net_pnl", "profit_factor", "fees"):
            assert fold["test"][name] == part(one, "summary")[name]
        assert fold["context"]["notes"]
    merged = [trade for one in alone for trade in trades_of(one)]
    tested = walked["tested"]
    assert isinstance(tested, dict)
    assert tested["trades"] == len(merged) > 200
    assert tested["net_pnl"] == pytest.approx(sum(number(one, "net") for one in merged), rel=1e-12)


PLANTED = '''
"""Knows the next close."""

import numpy as np

from strategies.composite.strategy import Composite


class Seer(Composite):
    """composite with another column."""

    name = "seer"

    def prepare(self, frame):
        """Its columns, one of them of tomorrow."""
        columns = dict(super().prepare(frame))
        return columns | {"rsi14": np.append(columns["rsi14"][1:], 50.0)}

    def prepare_history(self, frame):
        """The same."""
        return self.prepare(frame)


STRATEGY = Seer
'''


def test_a_planted_strategy_fails_the_look_ahead_check(folder: Path, tmp_path: Path) -> None:
    """Code 1 and what differs, by name, in JSON and on the terminal; composite itself is clean."""
    own = tmp_path / "own" / "seer"
    own.mkdir(parents=True)
    (own / "strategy.py").write_text(PLANTED)
    defaults = Path(__file__).parents[2] / "strategies" / "composite" / "default.yaml"
    (own / "default.yaml").write_text(defaults.read_text(encoding="utf-8"))
    home = tmp_path / "home"
    assert typed(home, *ask(folder), "--look-ahead-check").exit_code == 0
    (home / "config.yaml").write_text(f"mode: paper\nstrategy_paths: [{tmp_path / 'own'}]\n")
    words = (
        "--candles",
        str(folder / "bars" / "BTCUSDT.parquet"),
        "--strategy",
        "seer",
        "--look-ahead-check",
    )
    looked = part(found(home, *words, code=1), "look_ahead")
    assert looked["clean"] is False
    differences = looked["differences"]
    assert isinstance(differences, list)
    assert "column rsi14" in {one["what"] for one in differences}
    done = typed(home, *words)
    assert done.exit_code == 1
    assert "column rsi14" in done.stdout


def test_everything_at_once_is_repeated_to_the_digit(folder: Path, home: Path) -> None:
    """Rules, funding, finer candles, sizing, limits, walk-forward, look-ahead check, two symbols by folder."""
    files = {name: str(folder / name) for name in ("bars", "finer", "funding")}
    words = (
        *("--candles", files["bars"], "--strategy", "composite", *LOOSE),
        *("--rules", str(folder / "exchangeInfo.json"), "--funding", files["funding"]),
        *("--both-hit", "path", "--finer", files["finer"], "--sizing", "risk_percent", "--risk", "0.5"),
        *("--limits", "--walk-forward", "20d/10d", "--look-ahead-check"),
    )
    content = found(home, *words)
    assert recount(content) == []
    assert {one["symbol"] for one in trades_of(content)} == {"BTCUSDT", "XRPUSDT"}
    kept = str(content["file"])
    assert typed(home, "--repeat", kept).stdout == f"{kept}: equal to the digit\n"
    again = found(home, *words)
    differs = {name for name in content if content[name] != again[name]}
    assert differs <= {"file"}


def test_a_repeat_of_what_is_no_result_is_refused(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    assert slip(home, "--repeat", str(path)) == f"{path}: cannot be read: No such file or directory"
    for text in ("{}", "[]", '{"run": {"command": "sweep", "config": {}}, "summary": {}, "trades": []}'):
        path.write_text(text)
        line = slip(home, "--repeat", str(path))
        assert line == f"{path}: holds no run of format 1; allowed: a file of `quarterdeck backtest`"


def test_several_files_are_one_account_in_the_order_of_time(folder: Path, home: Path, tmp_path: Path) -> None:
    """Two files or their folder; one symbol of them; another timeframe among them is refused."""
    both = found(home, *ask(folder, "BTCUSDT", "XRPUSDT"))
    whole = found(home, "--candles", str(folder / "bars"), "--strategy", "composite", *LOOSE)
    assert whole["trades"] == both["trades"]
    assert [one["exit_at_ms"] for one in trades_of(both)] == sorted(
        one["exit_at_ms"] for one in trades_of(both)
    )
    one = found(
        home, "--candles", str(folder / "bars"), "--strategy", "composite", *LOOSE, "--symbol", "XRPUSDT"
    )
    assert trades_of(one) == [trade for trade in trades_of(both) if trade["symbol"] == "XRPUSDT"]
    mixed = ("--candles", str(folder / "bars" / "BTCUSDT.parquet"), str(folder / "finer" / "XRPUSDT.parquet"))
    assert "15m" in slip(home, *mixed, "--strategy", "composite")


def test_files_of_another_timeframe_are_traded_and_it_is_told(tmp_path: Path, folder: Path) -> None:
    words = ("--candles", str(folder / "finer" / "BTCUSDT.parquet"), "--strategy", "composite", *LOOSE)
    fast, exact = (found(tmp_path, *words, way) for way in ("--fast", "--exact"))
    one, other = (
        [(row["side"], row["entry_at_ms"], row["exit_at_ms"], row["reason"]) for row in trades_of(content)]
        for content in (fast, exact)
    )
    assert len(one) > 100
    assert one == other
    for content in (fast, exact):
        assert "composite was made for 15m candles and runs on 5m ones here." in notes(content)
