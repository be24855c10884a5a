"""`quarterdeck demo` as scripts use it: whole processes, answers as JSON lines, the same result for the same seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data"))


def quarterdeck(
    *arguments: str, hash_seed: str = "0", home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("QUARTERDECK_")}
    environ |= {"PYTHONHASHSEED": hash_seed}
    more = ("--home", str(home)) if home else ()
    command = [sys.executable, "-m", "cli.main", *arguments, *more]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    """Its JSON lines."""
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_commands_answer_one_json_line_each_and_a_summary_closes() -> None:
    """The form that scripts rely on."""
    status, panic, summary = lines(
        quarterdeck(
            "demo",
            "--bars",
            "120",
            "--seed",
            "7",
            "--exec",
            "/status",
            "--exec",
            "/panic_close now",
            "--json",
        )
    )
    assert status["name"] == "status"
    assert {"ok", "title", "fields", "table"} <= status.keys()
    assert panic["ok"] is True
    assert "flat, verified with the venue" in str(panic["text"])
    assert set(summary) == {"bars", "trades", "equity", "positions", "unprotected", "state_hash"}
    assert summary["bars"] == 120
    assert summary["positions"] == summary["unprotected"] == 0


def test_the_same_seed_gives_the_same_hash_in_another_process_with_another_hash_seed() -> None:
    """Nothing depends on the order of sets, on the clock or on chance."""
    script = ("demo", "--bars", "400", "--seed", "7", "--at", "100", "/set_risk 25", "--yes", "--json")
    first = lines(quarterdeck(*script, hash_seed="1"))
    second = lines(quarterdeck(*script, hash_seed="4242"))
    assert first == second
    assert first[-1]["trades"] != 0
    other = lines(quarterdeck(*script[:4], "8", *script[5:]))
    assert other[-1]["state_hash"] != first[-1]["state_hash"]


def test_a_recorded_demo_replays_byte_for_byte(tmp_path: Path) -> None:
    """The journal alone gives every action again, over two starts."""
    for bars in ("150", "100"):
        lines(quarterdeck("demo", "--bars", bars, "--json", "--exec", "/set_risk 30", "--yes", home=tmp_path))
    (verdict,) = lines(quarterdeck("replay", "--json", home=tmp_path))
    assert verdict["equal"] is True
    assert verdict["starts"] == 2
    assert int(str(verdict["lines"])) > 250
    done = quarterdeck("audit", "verify", home=tmp_path)
    assert "the chain is whole" in done.stdout


def test_replay_notices_a_journal_that_was_changed(tmp_path: Path) -> None:
    """A test of the test: with one candle changed the actions differ."""
    import sqlite3

    lines(quarterdeck("demo", "--bars", "60", "--json", home=tmp_path))
    with sqlite3.connect(tmp_path / "quarterdeck.db") as books:
        books.execute("UPDATE candles SET close = close * 1.5 WHERE symbol = 'BTCUSDT'")
    done = quarterdeck("replay", "--json", home=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["different"] > 0


def test_commands_json_lists_every_command() -> None:
    """What tools read to know the chat commands."""
    done = quarterdeck("commands", "--json")
    rows = json.loads(done.stdout)
    assert {"name", "aliases", "parameters", "role", "confirmation", "help"} <= rows[0].keys()
    names = {row["name"] for row in rows}
    assert {"status", "panic_close", "set_risk", "reset_kill", "digest"} <= names


@pytest.mark.parametrize(
    "arguments,said",
    [
        (("demo", "--bars", "5", "--seed", "-1"), "seed"),
        (("demo", "--bars", "5", "--symbols", "100000"), "100000"),
        (("demo", "--bars", "5", "--candles", "nowhere.csv"), "nowhere.csv"),
        (("demo", "--bars", "5", "--at", "x", "/status"), "--at"),
        (("demo", "--bars", "5", "--config", "nowhere.yaml"), "nowhere.yaml"),
        (("replay",), "journal"),
    ],
)
def test_a_slip_is_one_line_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """What, where, and what is allowed; exit code 2."""
    done = quarterdeck(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert said in done.stderr


BAD_CSV = {
    "holes": "timestamp,open,high,low,close,volume\n0,1,2,0.5,1,5\n900000,1,2,0.5,1,5\n",
    "words": "timestamp,open,high,low,close,volume\n1700000100000,one,2,0.5,1,5\n1700001000000,1,2,0.5,1,5\n",
    "negative": "timestamp,open,high,low,close,volume\n1700000100000,-1,2,-1,1,5\n1700001000000,1,2,0.5,1,5\n",
    "empty": "",
    "columns": "a,b\n1,2\n",
    "units": "timestamp,open,high,low,close,volume\n1700000100,1,2,0.5,1,5\n1700001000000,1,2,0.5,1,5\n",
}


@pytest.mark.parametrize("kind", BAD_CSV)
def test_bad_candle_files_are_named_in_one_line(tmp_path: Path, kind: str) -> None:
    """A broken file says what and where, or is read with a word about it; never a traceback."""
    file = tmp_path / "XRPUSDT.csv"
    file.write_text(BAD_CSV[kind])
    done = quarterdeck("demo", "--bars", "5", "--candles", str(file), "--json")
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 2}
    if done.returncode:
        assert "XRPUSDT" in done.stderr


@pytest.mark.skipif(not (DATA / "candles" / "15m").is_dir(), reason=f"real candles are not at {DATA}")
@pytest.mark.timeout(900)
def test_two_years_of_eight_real_symbols_trade_without_a_fault() -> None:
    """All eight symbols, 69,176 bars; an operator lifts the kill switches now and then, as one would."""
    resets = [("--at", str(bar), "/reset_kill all the quarter begins") for bar in range(4000, 69_000, 4000)]
    done = quarterdeck(
        "demo",
        "--candles",
        str(DATA / "candles" / "15m"),
        *(word for reset in resets for word in reset),
        "--exec",
        "/performance",
        "--exec",
        "/panic_close now",
        "--yes",
        "--json",
    )
    *answers, panic, summary = lines(done)
    assert summary["bars"] == 69_176
    assert int(str(summary["trades"])) > 300
    assert summary["positions"] == summary["unprotected"] == 0
    assert "flat, verified with the venue" in str(panic["text"])
    ranked = {str(row.get("Symbol") or row.get("Name")) for row in answers[-1]["table"]}  # type: ignore[attr-defined]
    assert {"BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT", "TRXUSDT"} <= ranked
