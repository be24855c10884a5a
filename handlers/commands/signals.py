"""Why the desk traded or did not: the gates of a symbol, and the last signals of all."""

from collections.abc import Iterator
from typing import Annotated

from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.domain.order import Order
from bot.domain.signal import GateCheck, Signal
from bot.engine.views import Why
from bot.ml.phantom import Followed, Outcome
from bot.runtime.desk import Desk
from handlers.cards import clock, held, holding, table
from handlers.command import Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, count, money, number, plain, price, size
from handlers.learning import Phantoms
from handlers.reply import Button, Reply

NONE_FOLLOWED = Phantoms()
MARKS = {True: "✓", False: "✗", None: "○"}
"""Passed, failed, not reached."""


@command(area="signals", role=Role.VIEWER, aliases=("why",))
async def signal(desk: Desk, symbol: SymbolName, phantoms: Phantoms = NONE_FOLLOWED) -> Reply:
    """Every gate with its figure, scores, the last decision, and why the order was (not) sent."""
    found = desk.why(symbol)
    shadow = await _shadow(found.decision, phantoms)
    if found.signal is None and found.decision is None:
        text = f"No bar has been judged since the start; the next one closes within {desk.about.timeframe}."
        return Reply(f"Why {symbol}", text=text, buttons=_looks(symbol))
    return Reply(
        title=f"Why {symbol} · {_in_short(desk, found)}",
        fields=(*_fields(desk, found), *_shadow_field(desk, shadow)),
        table=table(" | Gate | Figures | Of", _gate_rows(desk, found)),
        text="✓ passed, ✗ refused, ○ not reached",
        buttons=_looks(symbol),
    )


async def _shadow(decision: Decision | None, phantoms: Phantoms) -> Followed | None:
    """The last decision's signal, followed beside trading; None too while the books cannot be read."""
    if decision is None:
        return None
    judged = decision.signal
    try:
        return await phantoms.records.found(judged.strategy, judged.symbol, judged.bar_at_ms)
    except StorageError:  # the rest of the answer needs no books
        return None


def _shadow_field(desk: Desk, found: Followed | None) -> Iterator[tuple[str, str]]:
    """What the last decision's signal came to, once it has ended."""
    if found is None or found.ending is None:
        return
    ending, rules = found.ending, desk.instruments.get(found.phantom.symbol)
    how = {Outcome.STOP: "its stop", Outcome.TARGET: "its target", Outcome.TIMEOUT: "the end of its time"}
    came = "came" if found.phantom.taken else "would have come"
    net, bars = money(ending.net, desk.about.quote), count(ending.bars, "bar")
    prices = f"{price(ending.entry_price, rules)} to {price(ending.exit_price, rules)}"
    yield "Followed alone", f"{came} to {how[ending.outcome]} after {bars}: {prices}, {net}"


def _in_short(desk: Desk, found: Why) -> str:
    """The answer in a few words: what is held, or what kept the last bar from a trade."""
    view, last, decision = held(desk, found.symbol), found.signal, found.decision
    if view is not None:
        return f"holds {holding(desk, view)}"
    if last is not None and last.hold is not None:
        return f"no signal: {last.hold.text}"
    return f"last signal {_verdict(decision)}" if decision is not None else "no signal yet"


def _looks(symbol: str) -> tuple[Button, ...]:
    return (
        Button("Refresh", f"/why {symbol}"),
        Button("Chart", f"/chart {symbol}"),
        Button("Parameters", f"/params {symbol}"),
    )


def _fields(desk: Desk, found: Why) -> Iterator[tuple[str, str]]:
    if found.signal is not None:
        yield from _signal_fields(desk, found.signal)
    yield from _last_decision(desk, found)


def _last_decision(desk: Desk, found: Why) -> Iterator[tuple[str, str]]:
    if found.decision is None:
        yield "Last decision", "none yet: no signal has reached the risk gates"
        return
    yield from _decision_fields(desk, found.decision)
    if found.decision.signal != found.signal:
        yield "Its reasons", _reasons(found.decision.signal)
    yield "Last order", _order_words(desk, found.order, found.decision)


def _signal_fields(desk: Desk, last: Signal) -> Iterator[tuple[str, str]]:
    """What the strategy said of the last bar."""
    at = clock(desk)
    yield "Last bar", f"closed {at.full(last.bar_at_ms)} ({at.ago(last.bar_at_ms)})"
    said = last.side.value if last.side else "hold"
    yield "Strategy says", f"{said}, score {plain(last.score)} ({last.strategy})"
    if last.hold is not None:
        yield "Held because", last.hold.text
    if last.reasons or last.hold is None:
        yield "Scored", _reasons(last)


def _reasons(last: Signal) -> str:
    return ", ".join(f"{reason.name} +{plain(reason.points)}" for reason in last.reasons) or "nothing"


def _decision_fields(desk: Desk, decision: Decision) -> Iterator[tuple[str, str]]:
    """The last signal that went through the gates, with its sizing."""
    judged, rules = decision.signal, desk.instruments.get(decision.signal.symbol)
    side = judged.side.value if judged.side else "hold"
    yield (
        "Last decision",
        f"{side}, score {plain(judged.score)}, {clock(desk).ago(decision.at_ms)}: {_verdict(decision)}",
    )
    entry, stop = price(judged.reference_price, rules), price(judged.stop_price, rules)
    yield "Its prices", f"entry {entry}, stop {stop}, target {price(judged.target_price or None, rules)}"
    if decision.quantity:
        notional = money(decision.notional, desk.about.quote, signed=False)
        yield "Sizing", f"{size(decision.quantity, rules)} ({notional}), bound by {_words(decision.binding)}"
    if decision.model_score is not None:
        yield "ML score", number(decision.model_score)


def _verdict(decision: Decision) -> str:
    if decision.taken:
        return "taken"
    return f"refused by {_words(decision.refused_by)} ({_refusing_figures(decision)})"


def _refusing_figures(decision: Decision) -> str:
    failed = (gate.figures for gate in decision.gates if gate.passed is False and gate.figures)
    return next(failed, "no figures")


def _words(name: str) -> str:
    return name.replace("_", " ") or UNKNOWN


def _order_words(desk: Desk, order: Order | None, decision: Decision) -> str:
    if order is None:
        return "done and no longer working" if decision.client_id else "none was sent"
    rules = desk.instruments.get(order.symbol)
    state = order.status.value.lower().replace("_", " ")
    filled = f"{size(order.filled, rules)} of {size(order.intent.quantity, rules)}"
    average = f" at {price(order.average_price, rules)}" if order.filled else ""
    note = f" ({order.note})" if order.note else ""
    return f"{order.purpose.value.lower()} {state}, filled {filled}{average}{note}"


def _gate_rows(desk: Desk, found: Why) -> Iterator[tuple[str, ...]]:
    """Strategy gates of the last bar, then the gates of the last decision."""
    for gate in found.gates:
        yield _gate_row(gate, "last bar")
    if found.decision is not None:
        for gate in found.decision.gates:
            yield _gate_row(gate, f"decision {clock(desk).short(found.decision.at_ms)}")


def _gate_row(gate: GateCheck, of: str) -> tuple[str, ...]:
    return MARKS[gate.passed], _words(gate.gate), gate.figures or UNKNOWN, of


@command(area="signals", role=Role.VIEWER)
async def signals(desk: Desk, n: Annotated[int, Range(1, 200), Help("how many signals")] = 10) -> Reply:
    """Last signals, refused ones too, and by which gate."""
    found = await desk.decisions(n)
    if not found:
        text = f"No signals yet. A signal may come at the close of each {desk.about.timeframe} bar; /why SYMBOL shows"
        return Reply(
            "Signals", text=f"{text} the gates of the last one.", buttons=(Button("Symbols", "/symbols"),)
        )
    taken = sum(decision.taken for decision in found)
    more = (Button("More", f"/signals {min(200, 2 * n)}"),) if len(found) == n and n < 200 else ()
    return Reply(
        title=f"Last {count(len(found), 'signal')}, newest first",
        fields=(("Taken", str(taken)), ("Refused", str(len(found) - taken))),
        table=table(
            "Time | Symbol | Side | >Score | Outcome | Figures", (_signal_row(desk, one) for one in found)
        ),
        buttons=(Button("Refresh", f"/signals {n}"), *more),
    )


def _signal_row(desk: Desk, decision: Decision) -> tuple[str, ...]:
    judged = decision.signal
    rules = desk.instruments.get(judged.symbol)
    outcome = (
        f"taken, {size(decision.quantity, rules)}" if decision.taken else f"✗ {_words(decision.refused_by)}"
    )
    return (
        clock(desk).short(decision.at_ms),
        judged.symbol,
        judged.side.value if judged.side else "hold",
        plain(judged.score),
        outcome,
        f"bound by {_words(decision.binding)}" if decision.taken else _refusing_figures(decision),
    )
