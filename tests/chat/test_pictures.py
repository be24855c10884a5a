"""Pictures: every plot becomes a PNG of the asked size, whatever is in it, in time for a person."""

import itertools
from dataclasses import replace
from decimal import Decimal
from struct import unpack
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bot.domain.account import EquityPoint
from bot.domain.market import DAY_MS, HOUR_MS
from bot.domain.order import CloseReason
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.engine.views import PositionView
from bot.market.indicators import core_columns
from bot.runtime.desk import Picture
from bot.strategy import Frame
from handlers.pictures import WIDTH, render
from handlers.pictures.candles import short_count, spread
from handlers.pictures.timeframe import wider_frame
from handlers.pictures.timeline import time_ticks
from handlers.pictures.wire import Wish, from_bytes, to_bytes
from handlers.reply import BarPlot, CandlePlot, EquityPlot, Plot, ReliabilityPlot

START = 1_760_000_400_000
BAR = 900_000
BERLIN = ZoneInfo("Europe/Berlin")


def walk(bars: int) -> Frame:
    """A random walk of candles."""
    generator = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0, 0.004, bars)))
    opened = np.concatenate([[100.0], close[:-1]]) if bars else close
    return Frame(
        symbol="BTCUSDT",
        timeframe_ms=BAR,
        open_at_ms=START + BAR * np.arange(bars, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * 1.002,
        low=np.minimum(opened, close) * 0.998,
        close=close,
        volume=generator.uniform(1, 5000, bars),
    )


def held(side: Side = Side.LONG) -> PositionView:
    return PositionView(
        symbol="BTCUSDT",
        side=side,
        quantity=Decimal("0.5"),
        entry_price=Decimal("99.5"),
        mark_price=Decimal(100),
        notional=Decimal(50),
        unrealised=Decimal("0.25"),
        unrealised_percent=Decimal("0.5"),
        r=Decimal("0.2"),
        stop_price=Decimal("98.5"),
        target_price=Decimal(102),
        opened_at_ms=START + 50 * BAR,
        strategy="composite",
        score=3.0,
        model_score=None,
        leverage=5,
        margin=Decimal(10),
        liquidation_price=None,
        covered=True,
        fees=Decimal(0),
        funding=Decimal(0),
        foreign=False,
    )


def trade(first_bar: int, last_bar: int) -> Trade:
    return Trade(
        id="t1",
        symbol="BTCUSDT",
        side=Side.SHORT,
        strategy="composite",
        quantity=Decimal("0.5"),
        entry_price=Decimal(100),
        exit_price=Decimal(99),
        opened_at_ms=START + first_bar * BAR,
        closed_at_ms=START + last_bar * BAR,
        reason=CloseReason.TP,
        gross=Decimal("0.5"),
        fees=Decimal("0.04"),
        funding=Decimal(0),
        net=Decimal("0.46"),
        slippage=Decimal(0),
        risk=Decimal("0.5"),
        r_multiple=Decimal("0.92"),
        score=3.0,
        stop_price=Decimal(101),
        target_price=Decimal(99),
        leverage=5,
    )


def candles(bars: int = 120, *trades: Trade, position: PositionView | None = None) -> CandlePlot:
    frame = walk(bars)
    columns = core_columns(frame) if bars else {}
    return CandlePlot(Picture(frame, columns, trades, position), "BTCUSDT · 15m")


def equity(*levels: float, step_ms: int = HOUR_MS) -> EquityPlot:
    points = (
        EquityPoint(START + i * step_ms, Decimal(str(level)), Decimal(0), 0) for i, level in enumerate(levels)
    )
    return EquityPlot(tuple(points), "Equity · 30 days")


def bars(*values: str) -> BarPlot:
    return BarPlot(
        tuple(f"2025-10-{i + 1:02d}" for i in range(len(values))), tuple(map(Decimal, values)), "PnL"
    )


PLOTS: dict[str, Plot] = {
    "candles": candles(120),
    "candles with trades and position": candles(120, trade(10, 20), trade(-5, 3), position=held()),
    "a trade before the first bar": candles(30, trade(-20, -10)),
    "a short without stop and target": candles(
        60, position=replace(held(Side.SHORT), stop_price=None, target_price=None)
    ),
    "one candle": candles(1),
    "no candle": candles(0),
    "many candles": candles(1000),
    "equity": equity(*(10_000 + 40 * np.sin(np.arange(400)) + np.arange(400))),
    "losing equity": equity(1000, 900, 400, 10),
    "flat equity": equity(1000, 1000, 1000),
    "ruined equity": equity(100, 0, -20),
    "two points": equity(1, 2),
    "no equity": equity(),
    "years of equity": equity(*range(1, 900), step_ms=DAY_MS),
    "bars": bars("12.5", "-3", "0", "7"),
    "one bar": bars("-1"),
    "only zeros": bars("0", "0"),
    "large figures": bars("1234567", "-54321"),
    "no bars": bars(),
}


def dimensions(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n")
    width, height = unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_becomes_a_picture(name: str, dark: bool) -> None:
    png = render(PLOTS[name], zone=BERLIN, dark=dark)
    assert dimensions(png)[0] == WIDTH


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_crosses_to_the_process_that_draws_unchanged(name: str) -> None:
    wish = Wish(PLOTS[name], "Europe/Berlin", "USDC", False)
    there = from_bytes(to_bytes(wish))
    assert (there.zone, there.quote, there.dark, type(there.plot)) == (
        "Europe/Berlin",
        "USDC",
        False,
        type(wish.plot),
    )
    assert render(there.plot) == render(wish.plot)
    if not isinstance(wish.plot, CandlePlot):
        assert there.plot == wish.plot


def test_pictures_take_the_size_asked_for() -> None:
    assert dimensions(render(PLOTS["bars"], width=600, height=450)) == (600, 450)


def test_pictures_are_the_same_every_time() -> None:
    assert render(PLOTS["candles"]) == render(PLOTS["candles"])


def test_titles_are_never_read_as_formulas() -> None:
    assert render(replace(candles(5), title="$\\frac{1}{0}$ _x_ $")).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "span", [HOUR_MS, 6 * HOUR_MS, DAY_MS, 9 * DAY_MS, 60 * DAY_MS, 900 * DAY_MS, 9000 * DAY_MS]
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_time_labels_are_a_handful_inside_the_span(span: int, zone: str) -> None:
    ticks = time_ticks(START, START + span, ZoneInfo(zone))
    assert 1 <= len(ticks) <= 14
    assert all(START <= at_ms <= START + span for at_ms, _ in ticks)
    assert [at_ms for at_ms, _ in ticks] == sorted({at_ms for at_ms, _ in ticks})


def test_time_labels_stand_on_the_operators_clock() -> None:
    ticks = time_ticks(START, START + DAY_MS, BERLIN)
    assert [label for _, label in ticks][:3] == ["12:00\n09 Oct", "16:00", "20:00"]
    assert "00:00\n10 Oct" in [label for _, label in ticks]


def test_price_tags_never_cover_each_other() -> None:
    placed = spread([0.10, 0.11, 0.12, 0.5, 0.9], 0.05)
    assert placed == pytest.approx([0.06, 0.11, 0.16, 0.5, 0.9])
    assert all(b - a >= 0.05 - 1e-9 for a, b in itertools.pairwise(placed))


def test_short_counts() -> None:
    assert [short_count(value) for value in (0.0, 950.0, 12_340.0, 3.4e6, 2e9)] == [
        "0",
        "950",
        "12.3K",
        "3.4M",
        "2B",
    ]


@pytest.mark.parametrize("bars", [0, 1, 7, 8, 41])
def test_longer_candles_hold_all_of_the_shorter_ones(bars: int) -> None:
    frame = walk(bars)
    wide = wider_frame(frame, 4 * BAR)
    whole = frame.open_at_ms >= wide.open_at_ms[0] if len(wide) else np.zeros(bars, dtype=bool)
    assert wide.volume.sum() == pytest.approx(frame.volume[whole].sum())
    assert (wide.open_at_ms % (4 * BAR) == 0).all()
    assert (wide.high >= wide.low).all()
    if len(wide):
        assert wide.close[-1] == frame.close[-1]
        assert wide.open[0] == frame.open[whole][0]
        assert wide.high.max() == frame.high[whole].max()


@pytest.mark.parametrize("dark", [True, False])
def test_the_reliability_picture(dark: bool) -> None:
    bins = tuple((0.05 + i / 10, 0.04 + i / 10, 30 * i) for i in range(10))
    drawn = render(ReliabilityPlot(bins, 0.55, "Model of XRPUSDT"), dark=dark)
    assert drawn.startswith(b"\x89PNG")
    assert drawn != render(ReliabilityPlot(bins[:5], 0.55, "Model of XRPUSDT"), dark=dark)
    assert render(ReliabilityPlot((), 0.55, "None"), dark=dark).startswith(b"\x89PNG")
