"""Each of the weekly report's seven steps fails once: it is named in the report, and the rest still comes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from losing_week import BEFORE, LABEL, LIVED, LOOSE, tides
from test_command_sweep import lab_of
from whole_house import METRONOME, Desk, whole_house

from bot.domain.errors import StorageError
from bot.runtime.trading_desk import TradingDesk
from bot.venues.port import VenueUnavailable
from cli.jobs import send_weekly
from cli.weekly import WeeklyLab, kept_report
from handlers.lab import WeeklyOrder, WeeklyResult, unheard
from research.weekly.facts import ModelFacts
from research.weekly.report import WeeklyReport
from storage.ledger import SqlLedger

KILLED_HERE = (
    "import multiprocessing, os\n"
    "if multiprocessing.parent_process() is not None:\n"
    "    os.kill(os.getpid(), 9)\n"
)
KILLED_IN_WORKER = (
    "import os, sys\n"
    "if getattr(sys.modules['__main__'].__spec__, 'name', '') == 'cli.workshop.worker':\n"
    "    os.kill(os.getpid(), 9)\n"
)
WHOLE = frozenset({"live", "tested", "trend", "kills", "checklist", "alternatives"})


@dataclass(frozen=True, slots=True)
class Made:
    """A report, what people read of it, and what of it is there."""

    report: WeeklyReport
    lines: dict[str, str]
    there: frozenset[str]
    failed: dict[str, str]


async def made(desk: Desk) -> Made:
    """The report of the week that has ended."""
    lab = lab_of(desk)
    assert isinstance(lab, WeeklyLab)
    found = await lab.weekly(WeeklyOrder(1, "console:operator"), unheard)
    assert isinstance(found, WeeklyResult), found
    report = kept_report(desk.house.plan.home / "results" / "weekly", found.picture)
    assert report is not None
    there = frozenset(name for name in WHOLE if getattr(report, name))
    return Made(report, dict(found.lines), there, dict(report.failures))


async def at_a_house(home: Path, story: Callable[[Desk], Awaitable[None]]) -> None:
    """A desk that has lived through the end of a losing week."""
    async with whole_house(home, [tides()], LOOSE, history=BEFORE) as desk:
        await desk.bars(LIVED + 2)
        await story(desk)


async def test_nothing_is_planted_and_nothing_fails(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        found = await made(desk)
        assert found.there == WHOLE
        assert not found.failed
        assert "Failed" not in found.lines

    await at_a_house(tmp_path, story)


async def test_1_the_venue_is_down_while_history_is_refreshed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> Any:
        raise VenueUnavailable("planted")

    async def story(desk: Desk) -> None:
        lab = lab_of(desk)
        assert isinstance(lab, WeeklyLab)
        monkeypatch.setattr(lab, "history", down)
        found = await made(desk)
        assert found.failed == {"history": "the venue gave no candles of XRPUSDT"}
        assert found.there >= {"live", "tested", "trend", "kills", "checklist"}
        assert found.report.tested[-1].whole.trades > 0, "on the desk's own candles"
        assert "planted" not in str(found.lines)

    await at_a_house(tmp_path, story)


async def test_2_a_broken_candle_file(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        file = tmp_path / "history" / "candles" / "15m" / "XRPUSDT.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"PAR1 and then nothing of the kind")
        found = await made(desk)
        assert set(found.failed) == {"history", "backtest", "alternatives"}
        for why in found.failed.values():
            assert why.startswith("XRPUSDT: history/candles/15m/XRPUSDT.parquet: "), why
        assert str(tmp_path) not in str(found.lines), "a path of the home, not of the machine"
        assert found.there == WHOLE, "on what the venue and the desk have"

    await at_a_house(tmp_path, story)


async def test_2_a_strategy_that_breaks(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        (tmp_path / "mine" / "metronome" / "strategy.py").write_text("raise RuntimeError('planted')")
        found = await made(desk)
        assert found.failed["backtest"].startswith("XRPUSDT: ")
        assert "planted" not in str(found.lines)
        assert found.there == {"live", "trend", "kills", "checklist"}
        assert found.lines["Backtest"] == "–"

    await at_a_house(tmp_path, story)


async def test_3_and_4_the_ledger_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object, **__: object) -> Any:
        raise StorageError("database desk.db: disk I/O error, planted")

    async def story(desk: Desk) -> None:
        with monkeypatch.context() as patch:
            for question in ("trades", "equity", "candles"):
                patch.setattr(SqlLedger, question, gone)
            found = await made(desk)
        unread = "the ledger could not be read"
        assert found.failed["live trades"] == f"the equity series could not be read; {unread}"
        assert found.failed["trend"] == unread
        assert found.failed["model checklist"] == unread
        assert "the desk's own candles" in found.failed["history"]
        assert found.there >= {"tested", "kills"}
        assert found.lines["Live"] == "–", "unknown is not a week without trades"
        assert found.lines["Live against backtest"] == "–"
        assert "planted" not in str(found.lines)

    await at_a_house(tmp_path, story)


async def test_4_no_earlier_weeks_and_a_broken_earlier_result(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        results = tmp_path / "results" / "weekly"
        results.mkdir(parents=True)
        (results / "2023-W49.json").write_text('{"label": "2023-W49", "live": ')
        (results / f"{LABEL}.json").write_text("not even JSON")
        found = await made(desk)
        assert not found.failed
        assert [week.trades for week in found.report.trend[:-1]] == [0] * 7
        assert found.report.trend[-1] == found.report.live
        assert found.report.checklist is not None
        assert "– –" in found.report.checklist.signs[2].figure
        (results / f"{LABEL}.json").write_text("broken before it was delivered")
        assert await send_weekly(desk.house) == "sent"
        (results / f"{LABEL}.json").write_text("broken before it was delivered")
        await desk.house.settled()
        before = len(desk.screen.getvalue())
        await desk.carry()
        told = desk.screen.getvalue()[before:]
        assert f"Weekly report {LABEL}" in told
        assert "Live against backtest" in told, "the words come without the picture"

    await at_a_house(tmp_path, story)


async def test_5_the_kill_switches_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: TradingDesk) -> Any:
        raise StorageError("planted")

    async def story(desk: Desk) -> None:
        monkeypatch.setattr(TradingDesk, "kills", gone)
        found = await made(desk)
        assert found.failed == {"kill switches": "they could not be read"}
        assert found.there == WHOLE - {"kills"}
        assert found.lines["Kill switches"] == "–", "unknown is not none set"

    await at_a_house(tmp_path, story)


class Broken:
    """A shelf of models that cannot be read."""

    def models(self) -> Any:
        raise StorageError("planted")


async def test_6_what_models_there_are_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(desk: Desk) -> None:
        monkeypatch.setattr(lab_of(desk), "shelf", Broken())
        found = await made(desk)
        assert found.failed == {"model checklist": "which models there are could not be read"}
        assert found.there == WHOLE, "the signs still come"
        assert found.lines["Models, proposals"].startswith(
            "models unknown, no training advised (1 of 3 signs"
        )

    await at_a_house(tmp_path, story)


class Two:
    """A shelf with two models, of which one judges signals."""

    def models(self) -> Any:
        return [SimpleNamespace(judges=True), SimpleNamespace(judges=False)]


async def test_6_models_are_counted_as_their_shelf_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(desk: Desk) -> None:
        none = await made(desk)
        assert none.lines["Models, proposals"].startswith("no model is installed, ")
        monkeypatch.setattr(lab_of(desk), "shelf", Two())
        found = await made(desk)
        assert found.lines["Models, proposals"].startswith("1 of 2 models on, ")
        assert found.report.models == ModelFacts(2, 1)

    await at_a_house(tmp_path, story)


async def test_7_the_process_that_sweeps_is_killed(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        planted = f"{METRONOME}\n{KILLED_HERE}"
        (tmp_path / "mine" / "metronome" / "strategy.py").write_text(planted)
        found = await made(desk)
        assert set(found.failed) == {"alternatives"}
        assert found.failed["alternatives"].startswith("XRPUSDT: task 1 of 1")
        assert "ended its worker 3 times" in found.failed["alternatives"]
        assert found.there == WHOLE - {"alternatives"}
        assert found.lines["Models, proposals"].endswith("no proposals")

    await at_a_house(tmp_path, story)


async def test_a_worker_that_dies_takes_along_only_what_needs_candles(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        planted = f"{METRONOME}\n{KILLED_IN_WORKER}"
        (tmp_path / "mine" / "metronome" / "strategy.py").write_text(planted)
        found = await made(desk)
        why = "a weekly report failed before its end; nothing of it is kept"
        assert found.failed == dict.fromkeys(("history", "backtest", "alternatives"), why)
        assert found.there == {"live", "trend", "kills", "checklist"}
        page = (tmp_path / "results" / "weekly" / f"{LABEL}.html").read_text()
        assert why in page

    await at_a_house(tmp_path, story)
