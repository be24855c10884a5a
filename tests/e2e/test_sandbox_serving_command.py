"""`quarterdeck sandbox` as a script starts it: one line of JSON, then an exchange until it is told to stop."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from processes import ROOT, command, environ, quarterdeck, slip

REAL = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data"))


@contextmanager
def running(*options: str, end: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    """Its line; the exit code is 0 and nothing was said on standard error."""
    process = subprocess.Popen(
        command("sandbox", *options),
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
        process.send_signal(end)
        rest, said = process.communicate(timeout=100)
        assert (process.returncode, rest, said) == (0, "", "")
    finally:
        process.kill()
        process.wait()


def test_both_venues_serve_from_one_line_until_sigint() -> None:
    with running("--venue", "both", "--symbols", "3", "--seed", "5", end=signal.SIGINT) as line:
        assert line["symbols"] == 3
        binance, bybit = line["venues"]["binance"], line["venues"]["bybit"]
        assert len({binance["rest"], bybit["rest"], line["control"][:22]}) == 3
        info = httpx.get(f"{binance['rest']}/fapi/v1/exchangeInfo").json()
        assert len(info["symbols"]) == 3
        listed = httpx.get(f"{bybit['rest']}/v5/market/instruments-info?category=linear").json()
        assert [row["symbol"] for row in listed["result"]["list"]] == [
            row["symbol"] for row in info["symbols"]
        ]
        symbol = info["symbols"][0]["symbol"]
        body = {"symbol": symbol, "side": "buy", "quantity": "0.01"}
        for venue in ("binance", "bybit"):
            done = httpx.post(f"{line['control']}/{venue}/order", json=body)
            assert done.status_code == 200, done.text
            wallet = Decimal(httpx.get(f"{line['control']}/{venue}/funds").json()["wallet"])
            ledger = httpx.get(f"{line['control']}/{venue}/ledger").json()
            assert sum(Decimal(row["amount"]) for row in ledger) == wallet
            assert {row["debit"] for row in ledger} == {"wallet:main"}
        assert httpx.get(line["control"].rpartition("/")[0] + "/guess/binance/funds").status_code == 404


def test_the_same_seed_has_the_same_keys() -> None:
    with running("--seed", "5") as first, running("--seed", "5") as second, running("--seed", "6") as third:
        keys = [line["venues"]["binance"]["secret"] for line in (first, second, third)]
        assert keys[0] == keys[1] != keys[2]
        tokens = {line["control"].rpartition("/")[2] for line in (first, second)}
        assert len(tokens) == 2


def test_speed_and_faults_are_taken(tmp_path: Path) -> None:
    plan = tmp_path / "faults.json"
    plan.write_text(
        '{"rules": [{"request": "GET time", "nth": 2, "effect": "answer before", "status": 418}]}'
    )
    with running("--speed", "0", "--faults", str(plan)) as line:
        rest, control = line["venues"]["binance"]["rest"], line["control"]
        times = [httpx.get(f"{rest}/fapi/v1/time") for _ in range(3)]
        assert [answer.status_code for answer in times] == [200, 418, 200]
        assert times[0].json() == times[2].json() == {"serverTime": line["now_ms"]}
        httpx.post(f"{control}/advance", json={"ms": 60_000})
        assert httpx.get(f"{rest}/fapi/v1/time").json() == {"serverTime": line["now_ms"] + 60_000}
        asked = httpx.get(f"{control}/binance/requests").json()
        assert [row["status"] for row in asked] == [200, 418, 200, 200]


def test_real_candles_live_when_they_were() -> None:
    folder = REAL / "candles" / "1m"
    if not folder.exists():
        pytest.skip(f"real data is absent: {folder} (QUARTERDECK_REAL_DATA)")
    with running("--candles", str(folder), "--speed", "60") as line:
        assert line["timeframe"] == "1m"
        assert line["now_ms"] < 1_740_600_000_000
        rest = line["venues"]["binance"]["rest"]
        rows = httpx.get(f"{rest}/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=500").json()
        assert len(rows) == 500
        assert all(after[0] - before[0] == 60_000 for before, after in pairwise(rows))


@pytest.mark.parametrize(
    "options,said",
    [
        (("--venue", "kraken"), "--venue kraken: is not allowed; allowed: binance, bybit, both"),
        (("--symbols", "0"), "--symbols 0"),
        (("--symbols", "601"), "--symbols 601"),
        (("--speed", "nan"), "--speed nan"),
        (("--speed", "-1"), "--speed -1"),
        (("--port", "70000"), "--port 70000"),
        (("--seed", "-1"), "--seed -1"),
        (("--candles", "/nowhere"), "/nowhere"),
        (("--candles", ".", "--seed", "1"), "--candles"),
        (("--faults", "/nowhere.yaml"), "--faults /nowhere.yaml: cannot be read"),
    ],
)
def test_a_slip_is_one_line(options: tuple[str, ...], said: str) -> None:
    assert said in slip(quarterdeck("sandbox", *options))


def test_rules_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    plan = tmp_path / "faults.yaml"
    plan.write_text("rules:\n  - {request: POST order, effect: explode}\n")
    assert "rules[0].effect: 'explode' is not allowed" in slip(quarterdeck("sandbox", "--faults", str(plan)))
    plan.write_text("rules:\n  - {request: POST order, effect: trouble after, what: flood}\n")
    assert "'flood'" in slip(quarterdeck("sandbox", "--faults", str(plan)))
    plan.write_text("rules:\n  - {request: GET fapi/v*/account, effect: lag}\n")
    said = slip(quarterdeck("sandbox", "--venue", "both", "--faults", str(plan)))
    assert (
        f"--faults {plan}: rules[0].request: 'GET fapi/v*/account' fits no endpoint of binance or bybit"
        in said
    )
    assert "nearest: GET account" in said


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port}" in slip(quarterdeck("sandbox", "--port", str(port)))
