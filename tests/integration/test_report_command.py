"""`quarterdeck report --weekly` as people type it: offline, from the home's ledger and candles alone."""

import asyncio
import json
import shutil
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from losing_week import BEFORE, LABEL, LIVED, LOOSE, MONDAY_MS, tides
from processes import quarterdeck
from whole_house import whole_house, written

from bot.domain.trade import Trade
from bot.runtime.ports import TradeQuery
from cli.workshop.sources import GENERATED
from research.store.files import FileStore

type Played = tuple[Path, tuple[Trade, ...]]

LINES = ["Live", "Backtest", "Live against backtest", "Kill switches", "Models, proposals"]


async def lived(home: Path) -> tuple[Trade, ...]:
    """Let a desk trade through the end of a week; answers its trades."""
    frame = tides()
    FileStore(home / "history", GENERATED).upsert("15m", frame)
    async with whole_house(home, [frame], LOOSE, history=BEFORE) as desk:
        await desk.bars(LIVED + 3)
        await desk.house.settled()
        trades = await desk.house.database.ledger(desk.house.plan.account).trades(TradeQuery())
    (home / "config.yaml").write_text(f"{written(home, [frame])}{LOOSE}")
    return trades


@pytest.fixture(scope="module")
def one_home(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A home on which a desk has traded, and its trades; the desk is gone."""
    home = tmp_path_factory.mktemp("home")
    return home, asyncio.run(lived(home))


@pytest.fixture
def played(one_home: Played, tmp_path: Path) -> Played:
    """A copy of it, to be spoiled."""
    home = tmp_path / "home"
    shutil.copytree(one_home[0], home)
    return home, one_home[1]


def report(home: Path, *words: str) -> dict[str, Any]:
    """The document of `--json`, and nothing else on any output."""
    done = quarterdeck("report", "--weekly", "--json", *words, home=home)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_ledger_of_a_home_to_the_cent(played: Played) -> None:
    home, trades = played
    found = report(home, "--week", "1")
    assert list(found["lines"]) == LINES
    assert found["title"] == f"Weekly report {LABEL} · demo"
    closed = [one for one in trades if one.closed_at_ms < MONDAY_MS]
    assert len(closed) < len(trades)
    made = found["report"]
    assert Decimal(made["live"]["net"]) == sum((one.net for one in closed), Decimal(0))
    assert made["live"]["trades"] == len(closed)
    assert made["beside"]["uncompared"] == 0
    assert made["beside"]["both"] + len(made["beside"]["extra"]) >= len(closed)
    assert made["models"] == {"installed": 0, "on": 0}
    assert found["lines"]["Models, proposals"].startswith("no model is installed, ")
    assert not made["failures"]
    assert "made offline" in made["history"][0]
    kept = home / "results" / "weekly" / f"{LABEL}.json"
    assert json.loads(kept.read_bytes()) == made
    now = report(home)
    assert now["report"]["live"]["trades"] == len(trades) - len(closed), "this week by the market's own clock"


async def test_a_desk_that_runs_is_read_and_not_disturbed(tmp_path: Path) -> None:
    frame = tides()
    async with whole_house(tmp_path, [frame], LOOSE, history=BEFORE) as desk:
        (tmp_path / "config.yaml").write_text(f"{written(tmp_path, [frame])}{LOOSE}")
        await desk.bars(40)
        found = await asyncio.to_thread(report, tmp_path)
        ledger = desk.house.database.ledger(desk.house.plan.account)
        trades = await ledger.trades(TradeQuery())
        assert found["report"]["live"]["trades"] == len(trades) > 0
        assert Decimal(found["report"]["live"]["net"]) == sum((one.net for one in trades), Decimal(0))
        await desk.bars(30)
        assert desk.house.is_alive
        assert len(await ledger.trades(TradeQuery())) > len(trades)


def test_the_bars_it_lived_through_are_in_its_journal(played: Played) -> None:
    home, trades = played
    shutil.rmtree(home / "history")
    made = report(home, "--week", "1")["report"]
    assert made["beside"]["uncompared"] == 0
    assert made["beside"]["both"] + len(made["beside"]["extra"]) >= len(trades) - 1
    assert not made["failures"]


def test_people_get_the_lines_and_a_page_and_nothing_is_filed(played: Played, tmp_path: Path) -> None:
    home, _ = played
    page = tmp_path / "out" / "week.html"
    page.parent.mkdir()
    before = books(home)
    done = quarterdeck("report", "--weekly", "--week", "1", "--html", str(page), home=home)
    assert done.returncode == 0, done.stderr
    head, *rest = done.stdout.splitlines()
    assert head == f"Weekly report {LABEL} · demo"
    assert [line[:24].strip() for line in rest if line[:24].strip() in LINES] == LINES
    assert "alternatives found, none applied" in " ".join(done.stdout.split())
    assert str(page) in done.stdout
    assert "/full_report in a chat lets them wait for approval" in done.stdout
    assert page.read_text().count("<svg") == 2
    assert books(home) == before, "the books are only read"


def books(home: Path) -> dict[str, int]:
    """Rows by table."""
    with sqlite3.connect(home / "quarterdeck.db") as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        return {name: database.execute(f'select count(*) from "{name}"').fetchone()[0] for name in names}


def test_a_home_without_a_desk_still_gets_a_report_in_clear_words(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert list(found["lines"]) == [*LINES, "Failed"]
    assert found["report"]["live"]["trades"] == 0
    assert "No desk has run in this home yet" in found["words"][0]
    assert "quarterdeck fetch or import brings candles" in found["words"][1]
    assert "not tested: 0 candles are known without a gap, 501 are needed" in found["lines"]["Failed"]


def test_a_week_without_trades_is_said(played: Played) -> None:
    home, _ = played
    found = report(home, "--week", "3")
    assert found["words"][0].startswith("No trade was closed in 2023-W48")
    assert found["report"]["beside"]["asleep"] > 0


def test_a_database_that_cannot_be_read_is_named_and_the_rest_comes(
    played: Played,
) -> None:
    home, _ = played
    for path in home.glob("quarterdeck.db*"):
        path.unlink()
    (home / "quarterdeck.db").write_bytes(b"this is no database, whatever it is called" * 99)
    done = quarterdeck("report", "--weekly", "--json", home=home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["report"]["live"] is None
    assert found["lines"]["Live"] == "–"
    assert found["lines"]["Kill switches"] == "–"
    failed = dict(found["report"]["failures"])
    assert "the ledger could not be read" in failed["live trades"]
    assert failed["kill switches"] == "they could not be read"


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "report: say which one; there is --weekly"),
        (("--weekly", "--account", "mine:paper:x"), "report: --account mine:paper:x: no books of that"),
        (("--weekly", "--week", "521"), "less than or equal to 520"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = quarterdeck("report", *words, home=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_says_what_it_does() -> None:
    done = quarterdeck("report", "--help")
    words = " ".join(done.stdout.split())
    for said in ("--weekly", "--json", "--html", "--week", "offline", "Nothing is applied or filed"):
        assert said in words
