"""A real process that is told to read its configuration again, and to start again: the same books, the same process."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from processes import ask, running

CONFIG = """
mode: demo
venue: {{name: paper}}
demo: {{symbols: 3, seconds_per_bar: {bar_s}, seed: 11}}
logging: {{level: {level}}}
"""
"""A bar takes an hour: nothing moves but what is told to."""
READS = ("/positions", "/orders", "/balance")


def write(home: Path, level: str = "INFO", bar_s: str = "3600") -> None:
    (home / "config.yaml").write_text(CONFIG.format(level=level, bar_s=bar_s))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a desk that runs."""
    write(tmp_path)
    return tmp_path


def starts(home: Path) -> int:
    """How many starts the journal has."""
    with closing(sqlite3.connect(f"file:{home / 'quarterdeck.db'}?mode=ro", uri=True, timeout=60)) as reader:
        return int(reader.execute("SELECT count(*) FROM journal WHERE kind = 'Started'").fetchone()[0])


def held(home: Path) -> list[dict[str, Any]]:
    """What is open, what rests at the venue, and the money; ages begin anew with the demo's bar."""
    found = [{key: reply[key] for key in ("ok", "fields", "table")} for reply in ask(home, *READS)]
    for reply in found:
        rows = [{key: cell for key, cell in row.items() if key != "Age"} for row in reply["table"]]
        reply["table"] = sorted(rows, key=str)
    return found


def with_a_position(home: Path) -> None:
    """Let the market give a price, stop its clock, and buy."""
    ask(home, "/clock 0.2")
    for _ in range(300):
        _, receipt = ask(home, "/long BTCUSDT 5", "Confirm")
        if receipt is not None and receipt["title"].endswith("order sent"):
            break
        time.sleep(0.2)
    ask(home, "/clock pause")
    until_at_work(home)


def until_at_work(home: Path) -> None:
    """Wait until the venue has taken the stop and the target."""
    for _ in range(300):
        [orders] = ask(home, "/orders")
        if {row["State"] for row in orders["table"]} == {"working"}:
            return
        time.sleep(0.1)
    raise AssertionError(orders["table"])


def until_started(home: Path, count: int) -> None:
    """Wait until the desk has started so often and answers."""
    for _ in range(600):
        if starts(home) == count and (home / "console.sock").exists():
            return
        time.sleep(0.1)
    raise AssertionError(starts(home))


def test_it_starts_again_with_the_same_books_as_the_same_process(home: Path) -> None:
    with running(home) as process:
        with_a_position(home)
        before = held(home)
        positions, orders, _ = before
        symbols = {row["Symbol"] for row in positions["table"]}
        assert "BTCUSDT" in symbols, "and what the strategy has opened until the clock stood still"
        guards = {(row["Symbol"], row["For"]) for row in orders["table"]}
        assert guards == {(symbol, guard) for symbol in symbols for guard in ("stop", "target")}
        card, answer = ask(home, "/restart", "Confirm")
        assert [button["label"] for button in card["buttons"]] == ["Confirm", "Cancel"]
        assert (answer["title"], answer["ok"]) == ("Restarting", True)
        until_started(home, 2)
        assert process.poll() is None, "who started it sees no end"
        assert held(home) == before
    assert starts(home) == 2


def test_it_reads_its_configuration_again(home: Path) -> None:
    """What can count now counts, the rest is named, and a file with a fault changes nothing."""
    with running(home):
        [same] = ask(home, "/reload")
        assert same["text"] == "It is valid and says what it said: nothing changed."
        write(home, "DEBUG", "1800")
        [fresh] = ask(home, "/reload")
        rows = {row["Key"]: (row["Before"], row["Now in the file"], row["Counts"]) for row in fresh["table"]}
        assert rows == {
            "logging.level": ("INFO", "DEBUG", "now"),
            "demo.seconds_per_bar": ("3600", "1800", "after a restart"),
        }
        write(home, "loud")
        [wrong] = ask(home, "/reload")
        assert not wrong["ok"]
        assert "logging.level" in json.dumps(wrong["table"])
        write(home, "DEBUG", "1800")
        [again] = ask(home, "/reload")
        assert again["table"] == [], "the file with a fault has changed nothing"
        ask(home, "/restart", "Confirm")
        until_started(home, 2)
        [after] = ask(home, "/reload")
        assert after["table"] == [], "the new process reads the new file"
