"""Signals followed to their end without trading them: what the gates, the model's among them, saved or cost."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from bot.domain.market import DAY_MS
from bot.risk.rules import model
from bot.runtime.desk import Desk
from bot.runtime.phantoms import PhantomTally
from handlers.cards import no, table
from handlers.command import Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, amount, count, money, share
from handlers.learning import Phantoms
from handlers.reply import Button, Reply, Table

EMPTY = Phantoms()
DAYS = {"day": 1, "week": 7, "month": 30}
ALL: Literal["all"] = "all"
ROWS = 20
"""Symbols on a page."""
NO_PHANTOMS = (
    "No signals are followed beside the trades yet. /signals lists each with the gate that refused it."
)
NOTE = "Each signal alone, to stop, target or time-out, fees and slippage off, at the size it had."

type Period = Literal["all", "day", "week", "month"]
Since = Annotated[Literal["all", "day", "week", "month"], Help("signals of how far back")]
Page = Annotated[int, Range(1, 1000), Help("which page")]


@dataclass(frozen=True, slots=True)
class Sum:
    """Several tallies together."""

    waiting: int = 0
    finished: int = 0
    won: int = 0
    net: float = 0.0

    @property
    def win_rate(self) -> float | None:
        """Of those that have ended."""
        return self.won / self.finished if self.finished else None


def _sum(tallies: Iterable[PhantomTally]) -> Sum:
    found = list(tallies)
    return Sum(
        sum(one.waiting for one in found),
        sum(one.finished for one in found),
        sum(one.won for one in found),
        sum(one.net for one in found),
    )


@command(area="models", role=Role.VIEWER)
async def phantoms(desk: Desk, period: Since = ALL, page: Page = 1, phantoms: Phantoms = EMPTY) -> Reply:
    """Signals followed to their end without trading them: those taken against those refused, by symbol."""
    by_symbol = _grouped(await _tallies(desk, phantoms, period), lambda one: one.symbol)
    pages = max(1, -(-len(by_symbol) // ROWS))
    if page > pages:
        return no(f"There is no page {page}; there {'is' if pages == 1 else 'are'} {count(pages, 'page')}.")
    shown = sorted(by_symbol)[(page - 1) * ROWS : page * ROWS]
    several = f", page {page} of {pages}" if pages > 1 else ""
    return Reply(
        title=f"Phantoms · {len(by_symbol)}{_of(period)}{several}"
        if by_symbol
        else f"Phantoms · none{_of(period)}",
        table=_symbol_table(desk, [(name, by_symbol[name]) for name in shown]),
        text=NOTE if by_symbol else NO_PHANTOMS,
        buttons=(
            Button("Refresh", f"/phantoms {period} {page}"),
            *_turning(period, page, pages),
            *_periods("/phantoms", period),
            Button("By gate", f"/phantom_stats {period}"),
            Button("Signals", "/signals"),
        ),
    )


async def _tallies(desk: Desk, phantoms: Phantoms, period: Period) -> tuple[PhantomTally, ...]:
    since_ms = 0 if period == ALL else desk.now_ms() - DAYS[period] * DAY_MS
    return await phantoms.records.tallies(since_ms)


def _grouped(
    tallies: Sequence[PhantomTally], key: Callable[[PhantomTally], str]
) -> dict[str, list[PhantomTally]]:
    found: defaultdict[str, list[PhantomTally]] = defaultdict(list)
    for one in tallies:
        found[key(one)].append(one)
    return found


def _of(period: Period) -> str:
    return "" if period == ALL else f" · last {period}"


def _turning(period: Period, page: int, pages: int) -> tuple[Button, ...]:
    before = (Button("Page before", f"/phantoms {period} {page - 1}"),) if page > 1 else ()
    after = (Button("Next page", f"/phantoms {period} {page + 1}"),) if page < pages else ()
    return (*before, *after)


def _periods(line: str, now: Period) -> tuple[Button, ...]:
    """The same for other spans of time."""
    spans = {"day": "Day", "week": "Week", "month": "Month", ALL: "All time"}
    return tuple(Button(label, f"{line} {name}") for name, label in spans.items() if name != now)


def _symbol_table(desk: Desk, found: Sequence[tuple[str, list[PhantomTally]]]) -> Table | None:
    quote = desk.about.quote
    columns = f"Symbol | >Taken | >Won | >Net {quote} | >Refused | >Would win | >Would net {quote} | >Still followed"
    return table(columns, (_symbol_row(name, tallies) for name, tallies in found))


def _symbol_row(name: str, tallies: Sequence[PhantomTally]) -> tuple[str, ...]:
    taken = _sum(one for one in tallies if not one.refused_by)
    refused = _sum(one for one in tallies if one.refused_by)
    figures = (
        (str(one.finished), share(one.win_rate), amount(one.net) if one.finished else UNKNOWN)
        for one in (taken, refused)
    )
    return (name, *(word for words in figures for word in words), str(taken.waiting + refused.waiting))


@command(area="models", role=Role.VIEWER)
async def phantom_stats(
    desk: Desk, symbol: SymbolName | None = None, period: Since = ALL, phantoms: Phantoms = EMPTY
) -> Reply:
    """What refusing signals saved or cost: taken against refused, gate by gate, the model among them."""
    known = await _tallies(desk, phantoms, period)
    found = [one for one in known if symbol in (None, one.symbol)]
    symbols, words = len({one.symbol for one in found}), f" {symbol}" if symbol else ""
    where = symbol or count(symbols, "symbol")
    return Reply(
        title=f"Phantoms · {where if found else f'{words} none'.strip()}{_of(period)}",
        fields=_figures(desk, found) if found else (),
        table=_gate_table(desk, found),
        text=NOTE if found else NO_PHANTOMS,
        buttons=(
            Button("Refresh", f"/phantom_stats{words} {period}"),
            *_periods(f"/phantom_stats{words}", period),
            Button("By symbol", f"/phantoms {period}"),
        ),
    )


def _figures(desk: Desk, found: Sequence[PhantomTally]) -> tuple[tuple[str, str], ...]:
    quote = desk.about.quote
    taken = _sum(one for one in found if not one.refused_by)
    refused = _sum(one for one in found if one.refused_by)
    filtered = _sum(one for one in found if one.refused_by == model.NAME)
    return (
        ("Taken", _told(taken, quote, "made")),
        ("Refused", _told(refused, quote, "would have made")),
        ("Refusing", _saved(refused, quote)),
        ("The model's filter", _saved(filtered, quote) if _met(filtered) else "has refused none"),
        ("Still followed", str(taken.waiting + refused.waiting)),
    )


def _met(one: Sum) -> int:
    return one.finished + one.waiting


def _told(one: Sum, quote: str, made: str) -> str:
    if not one.finished:
        return "none has ended yet" if one.waiting else "none"
    return f"{one.finished}, {share(one.win_rate)} won; they {made} {money(one.net, quote)}"


def _saved(one: Sum, quote: str) -> str:
    """What not taking them was good for: a loss that was not made is saved."""
    if not one.finished:
        return "nothing has ended yet" if one.waiting else "none"
    return f"{'saved' if one.net < 0 else 'cost'} {money(abs(one.net), quote, signed=False)}"


def _gate_table(desk: Desk, found: Sequence[PhantomTally]) -> Table | None:
    """Gate by gate, the most active first; those taken last."""
    gates = {name: _sum(tallies) for name, tallies in _grouped(found, lambda one: one.refused_by).items()}
    order = sorted(gates, key=lambda name: (not name, -_met(gates[name]), name))
    quote = desk.about.quote
    return table(
        f"Refused by | >Ended | >Won | >Net {quote} | Refusing | >Still followed",
        (_gate_row(name, gates[name], quote) for name in order),
    )


def _gate_row(name: str, one: Sum, quote: str) -> tuple[str, ...]:
    net = amount(one.net) if one.finished else UNKNOWN
    refusing = _saved(one, quote) if name and one.finished else UNKNOWN
    called = name.replace("_", " ") or "(taken)"
    return called, str(one.finished), share(one.win_rate), net, refusing, str(one.waiting)
