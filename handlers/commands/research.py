"""Trying strategies on what was: backtests and sweeps over stored candles, in a process of their own."""

from collections.abc import Iterator
from typing import Annotated, Literal

from bot.domain.command import Change
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import clock, no, table
from handlers.command import Example, Help, Range, Risk, Role, SymbolName, command
from handlers.format import UNKNOWN, amount, count, duration, money, number, percent, plain, price, share
from handlers.lab import (
    BacktestOrder,
    BacktestResult,
    RankedSet,
    Research,
    SweepOrder,
    SweepResult,
    TriedTrade,
    WeeklyOrder,
)
from handlers.learning import Proposals
from handlers.long_work import LongWork, stopped
from handlers.progress import Progress
from handlers.reply import Button, ButtonStyle, EquityPlot, Reply, Table
from handlers.showing import decision_buttons
from handlers.text import clip

STOP = "stop"
MOST_RANK = 10
EMPTY = Research()
NO_BOOK = Proposals()
STOP_IT = Button("Stop it", "/backtest stop", ButtonStyle.DANGER)
STOP_WEEKLY = Button("Stop it", "/backtest stop", ButtonStyle.DANGER)
STOP_SWEEP = Button("Stop it", "/sweep stop", ButtonStyle.DANGER)


@command(area="research", role=Role.TRADER, risk=Risk.READ)
async def backtest(
    desk: Desk,
    progress: Progress,
    symbol: SymbolName | Literal["stop"],
    days: Annotated[int, Range(1, 365), Help("how many days back")] = 30,
    strategy: Annotated[str, Help("another one than the symbol's own, or own"), Example("composite")] = "own",
    way: Annotated[
        Literal["exact", "fast"], Help("with every gate and limit, or the strategy's trades alone")
    ] = "exact",
    research: Research = EMPTY,
) -> Reply:
    """Try a strategy on the stored candles of a symbol: figures, equity picture, a page; trading goes on."""
    if symbol == STOP:
        return await _stop(research, progress.user)
    chosen, known = "" if strategy == "own" else strategy, research.lab.strategies()
    if chosen and known and chosen not in known:
        near = (Button(name, f"/backtest {symbol} {days} {name} {way}") for name in known[:6])
        return no(f"There is no strategy {clip(chosen)}; there are {', '.join(known)}.", *near)
    order = BacktestOrder(symbol, days, chosen, progress.user, way)
    work = LongWork(progress, f"Backtest of {symbol}", STOP_IT)
    answer = await research.lab.backtest(order, work.tell)
    if isinstance(answer, Refused):
        return await work.not_done(answer)
    await progress.show(Reply(f"{work.title}: done"))
    return _page(desk, order, answer)


async def _stop(research: Research, user: str) -> Reply:
    """A person has one thing running, whatever it is."""
    return stopped(await research.lab.stop(user), "Its figures are gone; nothing else was touched.")


# --- a backtest's page ----------------------------------------------------------------------------------------------


def _page(desk: Desk, order: BacktestOrder, found: BacktestResult) -> Reply:
    """The figures, the last trades, the equity curve."""
    at = clock(desk)
    title = f"Backtest · {order.symbol} · {found.strategy} · {count(order.days, 'day')} · {found.way}"
    lines = [
        *found.remarks,
        f"{count(found.bars, 'bar')} in {duration(found.took_ms)} on a process of its own.",
        *(["The file has everything: figures by month and reason, every trade."] if found.file else []),
    ]
    other = "fast" if order.way == "exact" else "exact"
    return Reply(
        title=title,
        fields=(("From", at.full(found.from_ms)), ("To", at.full(found.to_ms)), *_figures(desk, found)),
        table=_trades(desk, found.last),
        text="\n".join(lines),
        plot=EquityPlot(found.points, title) if len(found.points) > 1 else None,
        file=found.file,
        buttons=(
            Button("Again", _line(order, order.days, order.way)),
            *(
                Button(count(span, "day"), _line(order, span, order.way))
                for span in (30, 90, 180)
                if span != order.days
            ),
            Button(f"The {other} way", _line(order, order.days, other)),
            Button(f"Sweep {order.symbol}", f"/sweep {order.symbol}"),
        ),
    )


def _line(order: BacktestOrder, days: int, way: str) -> str:
    return f"/backtest {order.symbol} {days} {order.strategy or 'own'} {way}"


def _figures(desk: Desk, found: BacktestResult) -> Iterator[tuple[str, str]]:
    quote, sums = desk.about.quote, found.figures
    grown = percent(
        (found.end - found.wallet) / found.wallet * 100 if found.wallet > 0 else None, signed=True
    )
    begin, end = (money(one, quote, signed=False) for one in (found.wallet, found.end))
    yield "Start, end", f"{begin}, {end} ({grown})"
    yield (
        "Trades",
        f"{sums.trades} ({sums.wins} won, {share(sums.wins / sums.trades if sums.trades else None)})",
    )
    costs = f"{money(sums.fees, quote, signed=False)} of fees, {money(sums.funding, quote)} of funding"
    yield "Net", f"{money(sums.net, quote)} after {costs}"
    no_loss = sums.profit_factor is None and sums.trades > 0
    yield "Profit factor", f"{number(sums.profit_factor)}{' (no loss)' if no_loss else ''}"
    yield "Expectancy", f"{money(sums.expectancy, quote)} a trade" if sums.trades else UNKNOWN
    fallen = f"{money(-sums.fall, quote)} ({share(sums.fall_share, 2)})" if sums.fall is not None else "none"
    yield "Max drawdown", fallen
    yield "Sharpe, Sortino, Calmar", ", ".join(map(number, (sums.sharpe, sums.sortino, sums.calmar)))
    yield "Exposure", f"{share(sums.exposure)} of the time in a position"
    yield "Longest losing run", count(sums.longest_losing_run, "trade")


def _trades(desk: Desk, last: tuple[TriedTrade, ...]) -> Table | None:
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
            number(trade.net / trade.risk if trade.risk else None, 2, signed=True),
        )
        for trade in reversed(last)
    )
    return table(f"Closed | Side | >Entry | >Exit | Reason | >Net {quote} | >R", rows)


# --- sweeps ---------------------------------------------------------------------------------------------------------


@command(area="research", role=Role.TRADER, risk=Risk.READ)
async def sweep(
    desk: Desk,
    progress: Progress,
    symbol: SymbolName | Literal["stop"],
    days: Annotated[int, Range(30, 730), Help("how many days back")] = 365,
    research: Research = EMPTY,
) -> Reply:
    """Try many parameter sets of a strategy, walk-forward: ranked, a heat map, what to doubt."""
    if symbol == STOP:
        return await _stop(research, progress.user)
    work = LongWork(progress, f"Sweep of {symbol}", STOP_SWEEP)
    answer = await research.lab.sweep(SweepOrder(symbol, days, progress.user), work.tell)
    if isinstance(answer, Refused):
        return await work.not_done(answer)
    await progress.show(Reply(f"{work.title}: done"))
    return _ranking(desk, days, answer)


def _ranking(desk: Desk, days: int, found: SweepResult) -> Reply:
    """The ranked table; the sentences that must be read with it; what may be proposed."""
    at = clock(desk)
    title = f"Sweep · {found.symbol} · {found.strategy} · {count(found.sets, 'set')}, {count(found.folds, 'fold')}"
    propose = [Button(f"Propose {rank}", f"/propose {found.id} {rank}") for rank in found.proposable]
    lines = [
        *found.words,
        f"{count(found.bars, 'bar')} in {duration(found.took_ms)} on a process of its own.",
        *(["Nothing changes by itself: Propose files a set, an admin approves it."] if propose else []),
    ]
    return Reply(
        title=title,
        fields=(
            ("From", at.full(found.from_ms)),
            ("To", at.full(found.to_ms)),
            ("In use now", _in_use(found)),
        ),
        table=_ranked(found),
        text="\n".join(lines),
        image=found.picture.content if found.picture else b"",
        file=found.file,
        buttons=(
            *propose,
            Button("Again", f"/sweep {found.symbol} {days}"),
            Button(f"Backtest {found.symbol}", f"/backtest {found.symbol} {min(days, 365)}"),
            Button("Parameters", f"/params {found.symbol}"),
            Button("Proposals", "/proposals"),
        ),
    )


def _in_use(found: SweepResult) -> str:
    """Where the present set stands."""
    one = found.production
    factor = f"profit factor {number(one.profit_factor)}" if one.profit_factor is not None else "no loss"
    return f"rank {one.rank} of {found.sets}: {factor}, {count(one.trades, 'trade')}"


def _ranked(found: SweepResult) -> Table | None:
    names = [name for name, _ in found.best[0].values] if found.best else []
    rows = [_ranked_row(one) for one in found.best]
    shown = found.production
    if all(shown.rank != one.rank for one in found.best):
        rows.append(_ranked_row(shown))
    columns = " | ".join(f">{name}" for name in names)
    return table(f">Rank | {columns} | >Trades | >Won | >PF | >Net % | >MDD %", rows)


def _ranked_row(one: RankedSet) -> tuple[str, ...]:
    return (
        str(one.rank),
        *(_value(value) for _, value in one.values),
        str(one.trades),
        share(one.win_rate, 0),
        number(one.profit_factor),
        number(one.net * 100, 2, signed=True),
        number(None if one.fall is None else one.fall * 100),
    )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return plain(value) if isinstance(value, int | float) else str(value)


@command(area="research", role=Role.TRADER, risk=Risk.READ)
async def propose(
    desk: Desk,
    sweep: Annotated[str, Help("the name of a sweep's result"), Example("XRPUSDT-20261121T120000")],
    rank: Annotated[int, Range(1, MOST_RANK), Help("which of its best sets")] = 1,
    research: Research = EMPTY,
    proposals: Proposals = NO_BOOK,
) -> Reply:
    """Let one of the best sets of a sweep wait for an admin's approval; nothing changes by itself."""
    draft = await research.lab.proposal(sweep, rank)
    if isinstance(draft, Refused):
        return no(f"{draft.figures.rstrip('.')}.")
    filed = await proposals.book.file(draft)
    rows = (*filed.changes, *filed.figures)
    return Reply(
        title=f"Proposal {filed.id}: {filed.title}",
        table=table("Figure | >Before | >After", rows),
        text=f"It waits for an admin until {clock(desk).full(filed.expires_at_ms)}. Nothing has changed.",
        buttons=(
            Button(f"Approve {filed.id}", f"/approve {filed.id}"),
            Button(f"Reject {filed.id}", f"/reject {filed.id}"),
            Button("Proposals", "/proposals"),
        ),
        changes=(Change("proposal", "none", filed.id),),
    )


# --- the weekly report ----------------------------------------------------------------------------------------------


@command(area="research", role=Role.TRADER, risk=Risk.READ)
async def full_report(
    desk: Desk,
    progress: Progress,
    week: Annotated[int, Range(0, 52), Help("how many weeks back; 0 is this one")] = 0,
    research: Research = EMPTY,
) -> Reply:
    """The weekly report with backtests: history refreshed, live beside tested, alternatives as proposals."""
    work = LongWork(progress, "Weekly report", STOP_WEEKLY)
    answer = await research.lab.weekly(WeeklyOrder(week, progress.user), work.tell)
    if isinstance(answer, Refused):
        return await work.not_done(answer)
    await progress.show(Reply(f"{work.title}: done"))
    waiting = (
        f"{', '.join(answer.proposals)} wait for approval; nothing changes by itself. "
        if answer.proposals
        else ""
    )
    return Reply(
        title=answer.title,
        fields=answer.lines,
        text=f"{waiting}The file has everything: trend, symbols, trades, what was missed, which steps failed.",
        plot=EquityPlot(answer.points, answer.title) if len(answer.points) > 1 else None,
        file=answer.file,
        buttons=(
            Button("A week earlier", f"/full_report {week + 1}"),
            *(decision_buttons(answer.proposals) if answer.proposals else ()),
            Button("From the ledger", f"/report {week}"),
            Button("Kills", "/kill"),
        ),
    )
