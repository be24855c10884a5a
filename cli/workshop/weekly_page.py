"""The weekly report as people read it: the lines that matter, and a page with everything in one file."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from handlers import html_page as html
from handlers.cards import kill_table, table
from handlers.format import UNKNOWN, Clock, amount, count, money, number, percent, plain, share
from handlers.reply import Table
from research.weekly.facts import WeekFacts
from research.weekly.report import WeeklyReport
from research.weekly.tested import Window

NAMED = 5


def title_of(report: WeeklyReport) -> str:
    """Weekly report 2026-W47 · paper."""
    return f"Weekly report {report.label} · {report.mode}"


def lines(report: WeeklyReport, waiting: Sequence[str] | None = None) -> Iterator[tuple[str, str]]:
    """The five lines that matter, and one more where something failed.

    `waiting` are the alternatives' names in the book of proposals, None where they are not in one.
    """
    yield "Live", _live(report)
    yield "Backtest", _tested(report)
    yield "Live against backtest", _beside(report)
    yield "Kill switches", _kills(report)
    yield "Models, proposals", f"{_models(report)}; {_alternatives(report, waiting)}"
    if report.failures:
        yield "Failed", "; ".join(f"{step}: {why}" for step, why in report.failures)


def _live(report: WeeklyReport) -> str:
    if report.live is None:
        return UNKNOWN
    one, quote = report.live, report.quote
    fall = f", max drawdown {percent(one.fall_percent)}" if one.fall is not None else ""
    return f"{money(one.net, quote)} in {count(one.trades, 'trade')}, PF {number(one.profit_factor)}{fall}"


def _tested(report: WeeklyReport) -> str:
    if not report.tested:
        return UNKNOWN
    joint = report.tested[-1]
    week = joint.weeks[-1] if joint.weeks else joint.whole
    both = (_window(one, report.quote) for one in (week, joint.whole))
    return f"this week {next(both)}; {joint.days:.0f} days {next(both)}"


def _window(one: Window, quote: str) -> str:
    return f"{money(one.net, quote)} in {count(one.trades, 'trade')}, PF {number(one.profit_factor)}"


def _beside(report: WeeklyReport) -> str:
    one, quote = report.beside, report.quote
    if one is None:
        return UNKNOWN
    cost = f"slippage {money(-one.realised, quote)}, {money(-one.expected, quote)} expected"
    left = f", {one.uncompared} where no candles are known" if one.uncompared else ""
    both = f"{count(one.both, 'entry', 'entries')} in both, {len(one.missed)} missed, {len(one.extra)} extra"
    slept = f", {one.asleep} while the desk did not run" if one.asleep else ""
    return f"{both}{slept}{left}; {cost}"


def _kills(report: WeeklyReport) -> str:
    if report.kills is None:
        return UNKNOWN
    killed = [view.symbol for view in report.kills if view.kill]
    near = [
        f"{view.symbol} {view.losing_run}/{view.losing_run_limit}"
        for view in report.kills
        if not view.kill and 0 < view.losing_run_limit <= view.losing_run + 2
    ]
    warned = f"; close to it: {', '.join(near[:NAMED])}" if near else ""
    return f"{', '.join(killed[:NAMED]) if killed else 'none set'}{warned}"


def _models(report: WeeklyReport) -> str:
    there = models_words(report)
    if report.checklist is None:
        return f"{there}, training unknown"
    signs = report.checklist
    advice = "training advised" if signs.advised else "no training advised"
    held = f": {', '.join(signs.held)}" if signs.held else ""
    return f"{there}, {advice} ({len(signs.held)} of {len(signs.signs)} signs{held})"


def models_words(report: WeeklyReport) -> str:
    """How many models there are, or that there is none."""
    if report.models is None:
        return "models unknown"
    if not report.models.installed:
        return "no model is installed"
    return f"{report.models.on} of {count(report.models.installed, 'model')} on"


def _alternatives(report: WeeklyReport, waiting: Sequence[str] | None) -> str:
    if not report.alternatives:
        return "no proposals"
    if waiting is None:
        return f"{count(len(report.alternatives), 'alternative')} found, none applied"
    doubts = "; what speaks against them is in the file" if report.advice else ""
    return f"{count(len(waiting), 'proposal')} for approval: /proposals{doubts}"


# --- the page -------------------------------------------------------------------------------------------------------


def weekly_page(report: WeeklyReport, facts: WeekFacts) -> bytes:
    """One file that opens anywhere."""
    return html.page(title_of(report), _parts(report, facts))


def _parts(report: WeeklyReport, facts: WeekFacts) -> Iterator[str]:
    at = Clock(ZoneInfo(report.zone), report.made_at_ms)
    yield html.figures(
        (("Week", f"{at.full(report.begins_at_ms)} to {at.full(report.ends_at_ms)}"), *lines(report))
    )
    yield html.heading("Equity")
    yield html.equity_drawing(report.points, report.quote, at)
    yield html.heading("Trend: net by week, live")
    yield html.bar_drawing([one.label for one in report.trend], [float(one.net) for one in report.trend])
    yield html.grid(_trend(report), "The weeks are not known.")
    yield html.heading("Backtest of the parameters in use, week by week")
    yield html.grid(_symbols(report), "Nothing could be tested.")
    yield html.prose(report.words, small=True)
    yield html.heading("Live against backtest")
    yield html.figures(_differences(report))
    yield html.grid(
        _entries(report, at), "Every entry was made by both." if report.beside else "Not compared."
    )
    yield html.heading("Trades closed in the week")
    yield html.grid(
        _trades(report, facts, at),
        "The ledger could not be read." if facts.trades is None else "No trade was closed.",
    )
    yield html.heading("Kill switches")
    yield html.grid(
        kill_table(report.kills or ()), "They are not known." if report.kills is None else "No symbols."
    )
    yield html.heading("Model checklist")
    yield html.grid(_signs(report), "Not known.")
    yield html.prose(
        [f"{models_words(report).capitalize()}. Two signs of three advise training."], small=True
    )
    yield html.heading("Alternatives")
    yield from _drafts(report)
    yield html.prose(report.advice, small=True)
    yield html.heading("History")
    yield html.prose(report.history or ("Not refreshed.",), small=True)
    yield html.heading("Steps that failed")
    yield html.grid(table("Step | Why", report.failures), "None.")
    yield html.prose(
        [f"Times are in {report.zone}; money in {report.quote}, after fees and funding."], small=True
    )


def _trend(report: WeeklyReport) -> Table | None:
    rows = (
        (
            one.label,
            str(one.trades),
            share(one.win_rate, 0),
            number(one.profit_factor),
            amount(one.net),
            percent(one.fall_percent),
        )
        for one in reversed(report.trend)
    )
    return table(f"Week | >Trades | >Won | >PF | >Net {report.quote} | >MDD", rows)


def _symbols(report: WeeklyReport) -> Table | None:
    rows = (
        (
            part.name,
            f"{part.days:.0f}",
            str(part.whole.trades),
            share(part.whole.win_rate, 0),
            number(part.whole.profit_factor),
            amount(part.whole.net),
            " ".join(number(week.profit_factor) for week in part.weeks),
        )
        for part in report.tested
    )
    return table(f"Symbol | >Days | >Trades | >Won | >PF | >Net {report.quote} | PF by week", rows)


def _differences(report: WeeklyReport) -> Iterator[tuple[str, str]]:
    if report.beside is None:
        yield "Compared", "no: nothing could be tested"
        return
    yield "Slippage realised", money(-report.beside.realised, report.quote)
    yield "Slippage expected", money(-report.beside.expected, report.quote)
    yield "In both", count(report.beside.both, "entry", "entries")
    yield "Missed", f"{count(len(report.beside.missed), 'entry', 'entries')} of the backtest alone"
    yield "Extra", f"{count(len(report.beside.extra), 'entry', 'entries')} made live alone"
    if report.beside.asleep:
        yield "Not lived", f"{count(report.beside.asleep, 'entry', 'entries')} while the desk did not run"
    if report.beside.uncompared:
        yield (
            "Not compared",
            f"{count(report.beside.uncompared, 'entry', 'entries')} where no candles are known",
        )


def _entries(report: WeeklyReport, at: Clock) -> Table | None:
    """The entries that one side alone made, in order of time."""
    if report.beside is None:
        return None
    marked = [("missed", one) for one in report.beside.missed] + [
        ("extra", one) for one in report.beside.extra
    ]
    rows = (
        (at.full(one.at_ms), one.symbol, one.side.value, what, one.reason, amount(one.net), one.gate)
        for what, one in sorted(marked, key=lambda pair: (pair[1].at_ms, pair[1].symbol))
    )
    return table(f"Entered | Symbol | Side | What | End | >Net {report.quote} | Kept out by", rows)


def _trades(report: WeeklyReport, facts: WeekFacts, at: Clock) -> Table | None:
    week = facts.week
    if facts.trades is None:
        return None
    rows = (
        (
            at.full(one.closed_at_ms),
            one.symbol,
            one.side.value,
            _price(one.entry_price),
            _price(one.exit_price),
            one.reason.value,
            amount(one.fees, signed=False),
            amount(one.net),
        )
        for one in reversed(facts.closed(week))
    )
    columns = f"Closed | Symbol | Side | >Entry | >Exit | Reason | >Fees | >Net {report.quote}"
    return table(columns, rows)


def _price(value: Decimal) -> str:
    """An average price has no end of digits: eight that count."""
    return plain(Decimal(f"{value:.8g}"))


def _signs(report: WeeklyReport) -> Table | None:
    signs = report.checklist.signs if report.checklist else ()
    return table(
        "Sign | Found | Holds", ((one.name, one.figure, "yes" if one.holds else "no") for one in signs)
    )


def _drafts(report: WeeklyReport) -> Iterator[str]:
    """Each alternative: what would change, and what both sets came to."""
    if not report.alternatives:
        yield html.prose(["None."])
    for draft in report.alternatives:
        yield html.prose([draft.title])
        yield html.grid(table("Figure | >Before | >After", (*draft.changes, *draft.figures)), "")
