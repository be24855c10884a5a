"""Result files: the keys of the issue, exact numbers, no NaN, whole or not at all, comparable to the digit."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from outcomes import random_frame, random_outcome
from recount import recount

from research.results.checks import checks_of
from research.results.files import (
    ResultFileError,
    Run,
    data_mark,
    differences,
    digest_of,
    document,
    keep,
    name_of,
    packed,
    read_result,
    write_whole,
)
from research.results.outcome import Outcome
from research.results.rows import Row
from research.results.statistics import summary_of

RUN = Run(
    "backtest",
    "fast",
    {"version": "0"},
    {"strategy": "composite"},
    {"BTCUSDT": data_mark(random_frame(1, 10))},
)
ASKED = {
    "symbol", "side", "entry_at_ms", "entry_price", "exit_at_ms", "exit_price", "reason", "fees", "net_return",
    "indicators",
}  # fmt: skip
RECOUNT = Path(__file__).parents[1] / "support" / "recount.py"


def content_of(outcome: Outcome) -> Row:
    """The whole result."""
    summary = summary_of(outcome)
    return document(outcome, summary, checks_of(outcome, summary), RUN, {"folds": []})


def test_a_trade_has_the_keys_of_the_issue_and_exact_numbers() -> None:
    """What is read back is bit for bit what was simulated."""
    outcome = random_outcome(1)
    told = json.loads(packed(content_of(outcome)))
    assert set(told) >= {"summary", "trades"}
    for row, trade in zip(told["trades"], outcome.trades, strict=True):
        assert set(row) >= ASKED
        assert row["side"] in {"LONG", "SHORT"}
        assert row["reason"] == trade.reason.value
        for key in ("entry_price", "exit_price", "fees", "net_return", "net", "quantity", "funding", "score"):
            assert row[key] == getattr(trade, key)
            assert type(row[key]) is float
        assert (row["entry_at_ms"], row["exit_at_ms"]) == (trade.entry_at_ms, trade.exit_at_ms)
        assert row["indicators"] == trade.indicators
    assert told["equity"]["equity"] == outcome.equity.equity.tolist()


def test_what_is_not_known_is_null() -> None:
    """NaN never, None as null, no target as null."""
    outcome = random_outcome(2)
    trade = replace(
        outcome.trades[0], indicators={"rsi14": float("nan")}, target_price=0.0, score=float("inf")
    )
    text = packed(content_of(replace(outcome, trades=(trade, *outcome.trades[1:])))).decode()
    assert "NaN" not in text
    assert "Infinity" not in text
    first = json.loads(text)["trades"][0]
    assert (first["indicators"], first["target_price"], first["score"]) == ({"rsi14": None}, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_an_independent_script_recounts_every_figure(seed: int, tmp_path: Path) -> None:
    """It reads the JSON only: combined figures, groups, drawdown, ratios."""
    path = tmp_path / "result.json"
    path.write_bytes(packed(content_of(random_outcome(seed, 1500, ("BTCUSDT", "ETHUSDT", "XRPUSDT")))))
    done = subprocess.run([sys.executable, RECOUNT, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "equal\n")


@pytest.mark.parametrize(
    "where", ["net_pnl", "profit_factor", "max_drawdown", "sharpe", "calmar", "fees", "trades", "win_rate"]
)
def test_the_independent_script_would_find_a_wrong_figure(where: str) -> None:
    """One figure off by a millionth, one line."""
    told = json.loads(packed(content_of(random_outcome(3, 800))))
    told["summary"][where] *= 1.000001
    assert [line.split(":")[0] for line in recount(told)] == [f"summary.{where}"]


def test_a_changed_trade_shows_everywhere() -> None:
    """A net that its prices do not give."""
    told = json.loads(packed(content_of(random_outcome(3, 800))))
    told["trades"][4]["net"] += 0.01
    assert any(line.startswith("trades[4].net:") for line in recount(told))
    assert any(line.startswith("per_symbol.") for line in recount(told))


def test_files_are_named_by_their_content(tmp_path: Path) -> None:
    """The same result is kept once, another one beside it; what was kept is read back."""
    content = content_of(random_outcome(4, 500))
    path = keep(content, tmp_path / "results" / "backtests", "composite-BTC/USDT 15m")
    assert path == keep(content, tmp_path / "results" / "backtests", "composite-BTC/USDT 15m")
    assert path.name == name_of(content, "composite-BTC/USDT 15m")
    assert path.name.startswith("composite-BTC_USDT_15m-")
    keep(content_of(random_outcome(5, 500)), path.parent, "composite-BTC/USDT 15m")
    assert len(list(path.parent.iterdir())) == 2
    assert read_result(path) == json.loads(packed(content))


def test_the_same_outcome_has_the_same_digest_and_no_differences() -> None:
    """And another outcome is told apart, value by value."""
    one, same = content_of(random_outcome(4, 500)), content_of(random_outcome(4, 500))
    assert differences(one, same) == ()
    assert digest_of(one) == digest_of(same) == digest_of(orjson.loads(packed(one)))
    outcome = random_outcome(4, 500)
    nudged = replace(outcome.trades[2], fees=float(np.nextafter(outcome.trades[2].fees, 9)))
    other = content_of(replace(outcome, trades=(*outcome.trades[:2], nudged, *outcome.trades[3:])))
    found = differences(one, other)
    assert any(line.startswith("trades[2].fees: ") for line in found)
    assert digest_of(one) != digest_of(other)
    fewer = content_of(replace(outcome, trades=outcome.trades[:-1]))
    assert f"trades: {len(outcome.trades)} before, {len(outcome.trades) - 1} now" in differences(one, fewer)


def test_writing_leaves_the_old_file_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle: the old content stays, no draft is left."""
    path = tmp_path / "result.json"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("research.results.files.os.fsync", full)
    with pytest.raises(ResultFileError, match=r"result\.json: cannot be written: No space left on device"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"run": {"format": 99}}', b"\xff\xfe", b'{"run": 3}']
)
def test_what_is_no_result_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    """File, what is wrong, what is allowed."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(
        ResultFileError, match=r"x\.json: .*allowed: a (result )?file of `quarterdeck backtest`"
    ):
        read_result(path)
    with pytest.raises(ResultFileError, match="of `quarterdeck sweep`"):
        read_result(path, "sweep")
    with pytest.raises(ResultFileError, match="cannot be read: No such file"):
        read_result(tmp_path / "y.json")


def test_data_marks_tell_candles_apart() -> None:
    """One digit of one figure, one bar less, other times."""
    frame = random_frame(6, 100)
    high = frame.high.copy()
    high[50] = np.nextafter(high[50], 1e9)
    marks = {
        data_mark(frame).sha256,
        data_mark(replace(frame, high=high)).sha256,
        data_mark(replace(frame, open_at_ms=frame.open_at_ms + 900_000)).sha256,
        data_mark(replace(frame, high=frame.low, low=frame.high)).sha256,
    }
    assert len(marks) == 4
    assert data_mark(frame) == data_mark(random_frame(6, 100))
