"""The weekly report on a whole house: seven steps, the ledger to the cent, failing steps named, told with picture."""

from decimal import Decimal
from pathlib import Path

import pytest
from test_command_sweep import lab_of
from whole_house import market, whole_house

from bot.performance import tally
from bot.runtime.ports import TradeQuery
from cli.couriers import attached, drawn
from cli.jobs import send_weekly
from cli.weekly import WeeklyLab, kept_report
from cli.workshop.crew import Crew
from handlers.lab import WeeklyOrder, WeeklyResult, unheard
from handlers.reply import EquityPlot

WAVES = [0.6 * (1 + 0.012 * ((i // 3) % 2)) * 0.9995**i for i in range(400)]
LOOSE = """
sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", drawdown_percent: "0", kill_losing_run: 0, kill_trades: 0}
"""
STEPS = ("Live", "Backtest", "Live against backtest", "Kill switches", "Models, proposals")


async def made(lab: object, back: int = 0) -> WeeklyResult:
    assert isinstance(lab, WeeklyLab)
    found = await lab.weekly(WeeklyOrder(back, "console:operator"), unheard)
    assert isinstance(found, WeeklyResult), found
    return found


async def test_every_step_comes_and_its_figures_are_the_ledgers_to_the_cent(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(250)
        lived = await desk.house.desk.trades(TradeQuery())
        assert len(lived) > 10
        said = await desk.say("/full_report")
        for line in STEPS:
            assert line in said
        assert "Failed" not in said
        [path] = (tmp_path / "results" / "weekly").glob("*.json")
        report = kept_report(path.parent, path.name)
        assert report is not None
        sums = tally([one for one in lived if report.begins_at_ms <= one.closed_at_ms < report.ends_at_ms])
        assert report.live is not None
        mine = (report.live.net, report.live.fees, report.live.funding, report.live.slippage)
        assert mine == (sums.net, sums.fees, sums.funding, sums.slippage)
        assert isinstance(report.live.net, Decimal)
        assert sum((week.net for week in report.trend), Decimal(0)) == tally(lived).net
        assert report.beside is not None
        assert report.beside.both >= 0.8 * len(lived), report.beside
        assert report.beside.realised == sums.slippage
        *parts, joint = report.tested
        assert joint.whole.trades == sum(part.whole.trades for part in parts) > 0
        page = path.with_suffix(".html").read_text()
        for head in (
            "Trend",
            "Live against backtest",
            "Kill switches",
            "Model checklist",
            "Steps that failed",
        ):
            assert head in page


@pytest.mark.parametrize(
    "broken, named",
    [
        ("store", "history"),
        ("strategy", "backtest"),
        ("venue", "history"),
    ],
)
async def test_a_step_that_fails_is_named_and_the_rest_still_comes(
    tmp_path: Path, broken: str, named: str
) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(60)
        lab = lab_of(desk)
        assert isinstance(lab, WeeklyLab)
        if broken == "store":
            (tmp_path / "history" / "candles").mkdir(parents=True)
            (tmp_path / "history" / "candles" / "15m").write_text("in the way")
        elif broken == "strategy":
            (tmp_path / "mine" / "metronome" / "strategy.py").write_text("raise RuntimeError('planted')")
        else:

            async def mute(*_: object) -> dict[str, object]:
                from bot.domain.errors import StorageError

                raise StorageError("planted")

            lab.history = mute  # type: ignore[assignment]
        found = await made(lab)
        failed = dict(found.lines)["Failed"]
        assert failed.startswith(named), failed
        assert "planted" not in failed
        assert dict(found.lines)["Live"] != "–"
        assert dict(found.lines)["Kill switches"] == "none set"


async def test_the_scheduled_one_arrives_with_picture_and_page_after_a_restart_too(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(120)
        lab = lab_of(desk)
        assert isinstance(lab, WeeklyLab)
        real = lab.weekly
        lab_weekly = WeeklyOrder(0, "job:weekly")

        async def this_week(order: WeeklyOrder, told: object) -> object:
            return await real(lab_weekly, unheard)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(WeeklyLab, "weekly", lambda self, order, told: this_week(order, told))
            assert await send_weekly(desk.house) == "sent"
        await desk.house.settled()
    async with whole_house(tmp_path, [market(WAVES)], LOOSE, history=130) as desk:
        shown = await desk.bars(1)
        assert "Weekly report" in shown
        assert list((tmp_path / "pictures").glob("*.png")), "drawn at delivery from the kept figures"
        [name] = [path.name for path in (tmp_path / "results" / "weekly").glob("*.json")]
        plot = await drawn(desk.house, name)
        assert isinstance(plot, EquityPlot)
        page = await attached(tmp_path / "results" / "weekly", name.replace(".json", ".html"))
        assert page is not None
        assert await attached(tmp_path / "results" / "weekly", "../../config.yaml") is None


async def test_a_killed_worker_says_that_there_is_no_report(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(WAVES)], LOOSE) as desk:
        await desk.bars(30)
        lab = lab_of(desk)
        lab.crew = Crew(command=("false",))
        assert (await send_weekly(desk.house)).startswith("not made: a weekly report failed")
        assert "There is no weekly report" in await desk.bars(1)
        assert not (tmp_path / "results").exists()
