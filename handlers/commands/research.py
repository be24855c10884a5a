"""Trying strategies on what was: a backtest over the stored candles; sweeps come with the research engine."""

from functools import partial
from typing import Annotated, Literal

from bot.domain.refusal import Refused
from bot.performance import performance
from bot.runtime.desk import Desk
from handlers.cards import clock, no, table
from handlers.command import Actor, Example, Help, Range, Risk, Role, SymbolName, command
from handlers.format import UNKNOWN, amount, count, duration, money, number, percent, price, share
from handlers.lab import BacktestOrder, BacktestResult, Research
from handlers.progress import Progress
from handlers.reply import Button, ButtonStyle, EquityPlot, Reply, Table
from handlers.text import clip

STOP = "stop"
SHOWN_TRADES = 20
EMPTY = Research()
STOP_IT = Button("Stop it", "/backtest stop", ButtonStyle.DANGER)


@command(area="research", role=Role.TRADER, risk=Risk.READ)
async def backtest(
    desk: Desk,
    actor: Actor,
    progress: Progress,
    symbol: SymbolName | Literal["stop"],
    days: Annotated[int, Range(1, 365), Help("how many days back")] = 30,
    strategy: Annotated[str, Help("another one than the symbol's own"), Example("composite")] = "",
    research: Research = EMPTY,
) -> Reply:
    """Try a strategy on the stored candles of a symbol: figures and equity picture; trading goes on."""
    if symbol == STOP:
        return await _stop(research, actor)
    known = research.lab.strategies()
    if strategy and known and strategy not in known:
        near = (Button(name, f"/backtest {symbol} {days} {name}") for name in known[:6])
        return no(f"There is no strategy {clip(strategy)}; there are {', '.join(known)}.", *near)
    order = BacktestOrder(symbol, days, strategy, actor.id)
    answer = await research.lab.backtest(order, partial(_tell, progress, order))
    if isinstance(answer, Refused):
        buttons = (STOP_IT,) if answer.rule == "running" else ()
        return no(f"{answer.figures.rstrip('.')}.", *buttons)
    await progress.show(Reply(f"Backtest of {order.symbol}: done"))
    return _page(desk, order, answer)


async def _stop(research: Research, actor: Actor) -> Reply:
    if await research.lab.stop(actor.id):
        return Reply("Backtest stopped", text="Its figures are gone; nothing else was touched.")
    return no("You have no backtest running.")


async def _tell(progress: Progress, order: BacktestOrder, part: float) -> None:
    """One message that changes in place."""
    done = int(max(0.0, min(1.0, part)) * 20)
    bar = f"{'█' * done}{'░' * (20 - done)} {percent(part * 100, 0)}"
    await progress.show(Reply(f"Backtest of {order.symbol} runs", text=bar, buttons=(STOP_IT,)))


def _page(desk: Desk, order: BacktestOrder, found: BacktestResult) -> Reply:
    """The figures, the trades, the equity curve."""
    at = clock(desk)
    title = f"Backtest · {order.symbol} · {found.strategy} · {count(order.days, 'day')}"
    lines = [
        *found.remarks,
        f"{count(found.bars, 'bar')} in {duration(found.took_ms)} on a process of its own.",
    ]
    return Reply(
        title=title,
        fields=(("From", at.full(found.from_ms)), ("To", at.full(found.to_ms)), *_figures(desk, found)),
        table=_trades(desk, found),
        text="\n".join(lines),
        plot=EquityPlot(found.points, title) if len(found.points) > 1 else None,
        buttons=(
            Button("Again", f"/backtest {order.symbol} {order.days} {order.strategy}".rstrip()),
            *(Button(count(span, "day"), _line(order, span)) for span in (30, 90, 180) if span != order.days),
        ),
    )


def _line(order: BacktestOrder, days: int) -> str:
    return f"/backtest {order.symbol} {days} {order.strategy}".rstrip()


def _figures(desk: Desk, found: BacktestResult) -> tuple[tuple[str, str], ...]:
    quote, measured = desk.about.quote, performance(found.trades, found.points)
    sums, fall = measured.tally, measured.drawdown
    end = found.points[-1].equity if found.points else found.wallet
    grown = percent((end - found.wallet) / found.wallet * 100 if found.wallet > 0 else None, signed=True)
    return (
        (
            "Start, end",
            f"{money(found.wallet, quote, signed=False)}, {money(end, quote, signed=False)} ({grown})",
        ),
        ("Signals", f"{found.decisions} reached the gates, {found.entries} became entries"),
        ("Trades", f"{sums.trades} ({sums.wins} won, {share(sums.win_rate)})"),
        ("Net", f"{money(sums.net, quote)} after {money(sums.fees, quote, signed=False)} of fees"),
        (
            "Profit factor",
            number(sums.profit_factor) if sums.profit_factor is not None else f"{UNKNOWN} (no loss)",
        ),
        (
            "Expectancy",
            f"{money(sums.expectancy, quote)} a trade, {number(sums.average_r, 2, signed=True)} R",
        ),
        ("Max drawdown", f"{money(-fall.amount, quote)} ({percent(fall.percent)})" if fall else "none"),
        ("Sharpe, Sortino", f"{number(measured.sharpe)}, {number(measured.sortino)}"),
        ("Longest losing run", count(sums.longest_losing_run, "trade")),
    )


def _trades(desk: Desk, found: BacktestResult) -> Table | None:
    """The last trades, newest first."""
    at, quote = clock(desk), desk.about.quote
    rows = (
        (
            at.short(trade.closed_at_ms),
            trade.side.value,
            price(trade.entry_price, desk.instruments.get(trade.symbol)),
            price(trade.exit_price, desk.instruments.get(trade.symbol)),
            trade.reason.value,
            amount(trade.net),
            number(trade.r_multiple if trade.risk else None, 2, signed=True),
        )
        for trade in reversed(found.trades[-SHOWN_TRADES:])
    )
    return table(f"Closed | Side | >Entry | >Exit | Reason | >Net {quote} | >R", rows)


@command(area="research", role=Role.TRADER, risk=Risk.READ)
async def sweep(desk: Desk, symbol: SymbolName) -> Reply:
    """Try many parameter sets of a strategy; comes with the research engine."""
    text = (
        "Parameter sweeps are not installed on this desk: a result without walk-forward checks would mislead."
        f" /backtest {symbol} tries the parameters that are set, /set {symbol} changes them."
    )
    return no(
        text, Button(f"Backtest {symbol}", f"/backtest {symbol}"), Button("Parameters", f"/params {symbol}")
    )
