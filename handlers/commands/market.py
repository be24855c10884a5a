"""The market: candle pictures, prices, the traded symbols and their states."""

from collections import Counter
from typing import Annotated

from bot.domain.market import TIMEFRAMES_MS
from bot.engine.views import SymbolView
from bot.runtime.desk import Desk, Picture
from handlers.cards import clock, halt_words, kill_words, no, table
from handlers.command import Choice, Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, count, percent
from handlers.format import price as written
from handlers.reply import Button, CandlePlot, Reply

MOST_BARS = 1000
"""The desk keeps about this many bars a symbol."""

WARM_UP = 60
"""Bars before a picture in another timeframe, so that its slowest average has begun when the picture does."""


@command(area="market", role=Role.VIEWER)
async def chart(
    desk: Desk,
    symbol: SymbolName,
    timeframe: Annotated[str, Choice(*TIMEFRAMES_MS), Help("the desk's own or a longer one")] = "",
    bars: Annotated[int, Range(20, MOST_BARS), Help("how many candles")] = 120,
) -> Reply:
    """Candle picture with indicators, entries, exits, stop and target."""
    own = desk.about.timeframe
    wanted = timeframe or own
    factor, rest = divmod(TIMEFRAMES_MS[wanted], TIMEFRAMES_MS[own])
    if not factor or rest:
        return no(
            f"The desk holds {own} candles; charts can be {', '.join(_possible(own))}.",
            _chart(symbol, own, bars),
        )
    before = WARM_UP if factor > 1 else 0
    picture = await desk.picture(symbol, min(MOST_BARS, (bars + before) * factor))
    if factor > 1:
        # TA-Lib is loaded only by those who look at another timeframe.
        from handlers.pictures.timeframe import widened

        picture = widened(picture, TIMEFRAMES_MS[wanted], bars)
    if not len(picture.frame):
        return no(f"There are no {wanted} candles of {symbol} yet.")
    return _drawn(desk, symbol, wanted, picture)


def _possible(own: str) -> list[str]:
    return [name for name, span in TIMEFRAMES_MS.items() if span % TIMEFRAMES_MS[own] == 0]


def _chart(symbol: str, timeframe: str, bars: int) -> Button:
    return Button(timeframe, f"/chart {symbol} {timeframe} {bars}")


def _drawn(desk: Desk, symbol: str, timeframe: str, picture: Picture) -> Reply:
    frame, rules = picture.frame, desk.instruments.get(symbol)
    shown, held = len(frame), picture.position
    moved = (frame.close[-1] / frame.open[0] - 1.0) * 100.0
    end_ms = int(frame.open_at_ms[-1]) + frame.timeframe_ms
    fields = (
        (
            "Last",
            f"{written(frame.close[-1], rules)} ({percent(moved, signed=True)} over {count(shown, 'bar')})",
        ),
        ("High, low", f"{written(frame.high.max(), rules)}, {written(frame.low.min(), rules)}"),
        ("Trades shown", str(sum(trade.closed_at_ms >= frame.open_at_ms[0] for trade in picture.trades))),
        ("Position", f"{held.side} from {written(held.entry_price, rules)}" if held else "none"),
    )
    title = (
        f"{symbol} · {timeframe} · {count(shown, 'bar')} to {clock(desk).full(min(end_ms, desk.now_ms()))}"
    )
    longer = [name for name in _possible(desk.about.timeframe) if name != timeframe][:3]
    buttons = (
        Button("Refresh", f"/chart {symbol} {timeframe} {shown}"),
        *(_chart(symbol, name, shown) for name in longer),
        Button("Why", f"/why {symbol}"),
    )
    return Reply(title, fields=fields, plot=CandlePlot(picture, title), buttons=buttons)


@command(area="market", role=Role.VIEWER)
async def price(desk: Desk, symbol: SymbolName | None = None) -> Reply:
    """Last and mark price, funding rate and time to it, change over 24 hours, open interest where known."""
    views = desk.symbols()
    if symbol is None:
        columns = "Symbol | >Last | >Mark | >24h | >Funding | >Settles"
        rows = table(columns, (_price_row(desk, view) for view in views))
        return Reply(
            f"Prices · {count(len(views), 'symbol')}", table=rows, buttons=(Button("Refresh", "/price"),)
        )
    view = next((view for view in views if view.symbol == symbol), None)
    if view is None:
        return no(f"{symbol} is not traded here; /symbols lists what is.")
    _, last, mark, change, funding, settles = _price_row(desk, view)
    return Reply(
        title=f"{symbol} · {last}",
        fields=(
            ("Last", last),
            ("Mark", mark),
            ("Change over 24h", change),
            ("Funding rate", f"{funding}, settles {settles}" if view.next_funding_at_ms else funding),
            ("Open interest", "not known here: this desk does not ask the venue for it"),
            ("Last candle", clock(desk).ago(view.last_candle_at_ms)),
        ),
        buttons=(
            Button("Refresh", f"/price {symbol}"),
            Button("Chart", f"/chart {symbol}"),
            Button("Alerts", "/alerts"),
        ),
    )


def _price_row(desk: Desk, view: SymbolView) -> tuple[str, ...]:
    rules = desk.instruments.get(view.symbol)
    rate = None if view.funding_rate is None else 100.0 * view.funding_rate
    return (
        view.symbol,
        written(view.last_price, rules),
        written(view.mark_price, rules),
        percent(view.change_24h_percent, signed=True),
        percent(rate, 4, signed=True),
        clock(desk).until(view.next_funding_at_ms),
    )


@command(area="market", role=Role.VIEWER)
async def symbols(desk: Desk) -> Reply:
    """Traded symbols with their state: trading, paused, halted, killed, cooling down."""
    views = desk.symbols()
    states = Counter(view.state for view in views)
    columns = "Symbol | State | Why | Strategy | >Leverage | Re-entry | >Last candle"
    return Reply(
        title=f"Symbols · {len(views)}",
        fields=tuple((state.capitalize(), str(number)) for state, number in sorted(states.items())),
        table=table(columns, (_symbol_row(desk, view) for view in views)),
        buttons=(Button("Refresh", "/symbols"), Button("Halts", "/halts"), Button("Kills", "/kill")),
    )


def _symbol_row(desk: Desk, view: SymbolView) -> tuple[str, ...]:
    return (
        view.symbol,
        view.state,
        _state_reasons(desk, view),
        view.strategy,
        f"{view.leverage}x",
        "on" if view.reentry else "off",
        clock(desk).age(view.last_candle_at_ms),
    )


def _state_reasons(desk: Desk, view: SymbolView) -> str:
    at = clock(desk)
    reasons = [kill_words(view.kill, at).removeprefix(f"{view.symbol} ")] if view.kill else []
    reasons += [halt_words(halt, at).removeprefix(f"{view.symbol} ") for halt in view.halts]
    reasons += ["paused"] if view.paused and view.state != "paused" else []
    reasons += [f"{count(view.cooldown_bars_left, 'bar')} left"] if view.cooldown_bars_left else []
    return "; ".join(reasons) or UNKNOWN
