"""A backtest as one page: figures, pictures and tables in one file that fetches nothing."""

from collections.abc import Mapping, Sequence
from html import escape

from research.backtest.context import Context
from research.backtest.walk import Judged, Walk
from research.reports.markup import picture, section, table, tiles, warning, whole
from research.reports.pictures.bars import draw_groups
from research.reports.pictures.clouds import draw_excursions, draw_holds, draw_times
from research.reports.pictures.curve import draw_curve
from research.reports.words import NOTHING, day, held, money, number, share
from research.results.checks import Check
from research.results.outcome import Outcome
from research.results.statistics import Figures, Summary

GROUP_HEAD = ("trades", "net", "win rate", "profit factor", "payoff", "expectancy", "fees", "average hold")
MOST_ROWS = 60


def page(
    outcome: Outcome,
    summary: Summary,
    checks: Sequence[Check],
    walk: Walk | None,
    content: Mapping[str, object],
) -> str:
    """The page as HTML text; `content` is the result file, of which notes and the run's record are shown."""
    title = title_of(outcome)
    notes = content.get("notes", outcome.notes)
    body = "".join(
        (
            f"<h1>{escape(title)}</h1><div class='faint'>{escape(_span(outcome, summary))}</div>",
            *(warning(f"{check.name}: {check.figures}") for check in checks if not check.passed),
            _tiles(summary),
            section(
                "Equity",
                picture(lambda dark: draw_curve(outcome.equity, summary.wallet, dark=dark), "equity"),
            ),
            section("Months", _months(summary)),
            section("Walk-forward", _walk(walk) if walk else ""),
            section("Trades", *_trades(outcome) if outcome.trades else ()),
            section("Symbols", *_groups("Net by symbol", "symbol", summary.per_symbol)),
            section("Close reasons", *_groups("Net by close reason", "closed by", summary.per_reason)),
            section("Sides", _group_table("side", summary.per_side) if summary.per_side else ""),
            section("Checks", _checks(checks)),
            section("Notes", _list(notes if isinstance(notes, list | tuple) else ())),
            _footer(content.get("run")),
        )
    )
    return whole(title, body)


def title_of(outcome: Outcome) -> str:
    """`composite on XRPUSDT 15m`."""
    symbols = [stretch.symbol for stretch in outcome.stretches]
    named = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols"
    return f"{outcome.plan.strategy} on {named} {outcome.timeframe}"


def _span(outcome: Outcome, summary: Summary) -> str:
    rules = outcome.plan.rules
    return (
        f"{day(summary.from_ms)} to {day(summary.to_ms)} · {summary.bars:,} bars · {outcome.way} way · wallet "
        f"{summary.wallet:,.0f} · fee {100 * float(rules.fee):g} % a side · slippage {100 * float(rules.slippage):g} %"
        f" · stop and target in one bar: {rules.both_hit.value}"
    )


def _tiles(summary: Summary) -> str:
    total, ratios, fall = summary.total, summary.ratios, summary.fall
    return tiles(
        (
            ("net", money(total.net)),
            ("return", share(summary.growth)),
            ("max drawdown", share(-fall.share) if fall else share(0.0)),
            ("profit factor", number(total.profit_factor)),
            ("win rate", share(total.win_rate, signed=False)),
            ("trades", f"{total.trades:,}"),
            ("payoff", number(total.payoff)),
            ("expectancy", money(total.expectancy)),
            ("Sharpe", number(ratios.sharpe)),
            ("Sortino", number(ratios.sortino)),
            ("Calmar", number(ratios.calmar)),
            ("exposure", share(summary.exposure, signed=False)),
            ("fees", money(-total.fees)),
            ("funding", money(total.funding)),
            ("longest losing run", str(total.longest_losing_run)),
            ("average hold", held(total.average_held_ms)),
            ("longest hold", held(total.longest_held_ms)),
            (
                "average MAE / MFE",
                f"{share(total.adverse, signed=False)} / {share(total.favourable, signed=False)}",
            ),
        )
    )


def _months(summary: Summary) -> str:
    rows = [
        (
            month.label,
            share(month.growth),
            str(month.figures.trades),
            money(month.figures.net),
            share(month.figures.win_rate, signed=False),
            number(month.figures.profit_factor),
            money(-month.figures.fees),
        )
        for month in summary.per_month
    ]
    head = ("month", "return, marked", "trades closed", "net", "win rate", "profit factor", "fees")
    return table(head, rows) if rows else ""


def _trades(outcome: Outcome) -> tuple[str, ...]:
    trades = outcome.trades
    return (
        picture(lambda dark: draw_times(trades, dark=dark), "net return of every trade over time"),
        picture(
            lambda dark: draw_holds(trades, dark=dark), "net return of every trade by how long it was held"
        ),
        picture(
            lambda dark: draw_excursions(trades, dark=dark), "net return by adverse and favourable excursion"
        ),
    )


def _groups(title: str, name: str, groups: Mapping[str, Figures]) -> tuple[str, ...]:
    if not groups:
        return ()
    drawn = picture(lambda dark: draw_groups(title, groups, dark=dark), title) if len(groups) > 1 else ""
    return drawn, _group_table(name, groups)


def _group_table(name: str, groups: Mapping[str, Figures]) -> str:
    rows = [(label, *_cells(figures)) for label, figures in list(groups.items())[:MOST_ROWS]]
    left_out = len(groups) - len(rows)
    rows += [(f"and {left_out} more in the result file", *[""] * len(GROUP_HEAD))] if left_out else []
    return table((name, *GROUP_HEAD), rows)


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        f"{figures.trades:,}",
        money(figures.net),
        share(figures.win_rate, signed=False),
        number(figures.profit_factor),
        number(figures.payoff),
        money(figures.expectancy),
        money(-figures.fees),
        held(figures.average_held_ms),
    )


def _walk(walk: Walk) -> str:
    rows = [_fold(one) for one in walk.judged]
    tested = walk.tested
    pooled = (
        "all tests together",
        "",
        f"{tested.trades:,}",
        "",
        number(tested.profit_factor),
        money(tested.net),
    )
    head = (
        "train from",
        "test",
        "trades",
        "PF train",
        "PF test",
        "net test",
        "BTC",
        "ETH",
        "BTC ADX",
        "market",
    )
    lacking = sorted({note for one in walk.judged for note in one.context.notes})
    told = table(head, [*rows, (*pooled, *[""] * 4)], words=(1, 9))
    return "".join((told, *(warning(note) for note in walk.notes), _list(lacking)))


def _fold(one: Judged) -> tuple[str, ...]:
    fold, context = one.fold, one.context
    trained, tested = (window.total if window else None for window in (one.train, one.test))
    return (
        day(fold.train_from_ms),
        f"{day(fold.test_from_ms)} to {day(fold.test_to_ms)}",
        f"{tested.trades:,}" if tested else "no bars",
        number(trained.profit_factor if trained else None),
        number(tested.profit_factor if tested else None),
        money(tested.net if tested else None),
        share(context.btc_return, digits=1),
        share(context.eth_return, digits=1),
        number(context.btc_adx),
        _market(context),
    )


def _market(context: Context) -> str:
    ratios = (f"long/short {symbol} {mean:.2f}" for symbol, mean in context.long_short.items())
    return "; ".join((context.regime.value if context.regime else NOTHING, *ratios))


def _checks(checks: Sequence[Check]) -> str:
    rows = [("✓" if check.passed else "✗ failed", check.name, check.figures) for check in checks]
    return table(("", "check", "figures"), rows, words=(0, 1, 2))


def _list(notes: Sequence[object]) -> str:
    return f"<ul>{''.join(f'<li>{escape(str(note))}</li>' for note in notes)}</ul>" if notes else ""


def _footer(run: object) -> str:
    """What made the page, so that it can be made again."""
    if not isinstance(run, dict):
        return ""
    code, data = run.get("code", {}), run.get("data", {})
    marks = ", ".join(f"{symbol} {str(_mark(mark))[:12]}" for symbol, mark in list(data.items())[:10])
    words = " · ".join(f"{name} {text}" for name, text in code.items() if text)
    return f"<footer>Code: {escape(words)}<br>Candles (sha256): {escape(marks)}</footer>"


def _mark(mark: object) -> object:
    return mark.get("sha256", "") if isinstance(mark, dict) else getattr(mark, "sha256", "")
