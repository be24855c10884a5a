"""Price alerts: told once, to the one who asked."""

from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.alert import Alert
from bot.domain.command import DropAlert, SetAlert
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, no, refused, table
from handlers.command import Actor, Example, Help, Range, Risk, Role, SymbolName, command
from handlers.format import count, percent
from handlers.format import price as written
from handlers.reply import Button, Reply

ABOVE, BELOW = ">", "<"
NOTHING = "Nothing is waited for. Set one with /alert SYMBOL > PRICE."
DELETABLE = 8
"""So many alerts get a button of their own."""

AlertPrice = Annotated[Decimal, Range("0.00000001"), Help("the mark price to wait for"), Example("70000")]


@command(area="market", role=Role.VIEWER, risk=Risk.READ)
async def alert(
    desk: Desk,
    actor: Actor,
    symbol: SymbolName,
    when: Annotated[Literal[">", "<"], Help("> above, < below")],
    price: AlertPrice,
) -> Reply:
    """Tell you once when the mark price of a symbol is above or below a price: /alert BTC > 70000."""
    mark = _mark(desk, symbol)
    rules = desk.instruments.get(symbol)
    if mark is not None and (mark > price if when == ABOVE else mark < price):
        side = "above" if when == ABOVE else "below"
        return no(
            f"{symbol} is {side} {written(price, rules)} already: its mark price is {written(mark, rules)}."
        )
    answer = await desk.execute(SetAlert(symbol, when == ABOVE, price, actor.id), actor.id)
    if isinstance(answer, Refused):
        return refused(answer)
    away = (
        ""
        if not mark
        else f", {percent(abs(price - mark) / mark * 100)} from the mark price {written(mark, rules)}"
    )
    text = f"You are told once when {symbol} is {_words(when == ABOVE)} {written(price, rules)}{away}."
    return answered(
        "Alert set", answer, text, (Button("Alerts", "/alerts"), Button("Chart", f"/chart {symbol}"))
    )


def _mark(desk: Desk, symbol: str) -> Decimal | None:
    return next((view.mark_price for view in desk.symbols() if view.symbol == symbol), None)


def _words(above: bool) -> str:
    return "above" if above else "below"


@command(area="market", role=Role.VIEWER, risk=Risk.READ)
async def alerts(
    desk: Desk,
    actor: Actor,
    change: Annotated[Literal["delete"] | None, Help("takes one of your alerts back")] = None,
    number: Annotated[int | None, Range(1, 10**9), Help("with delete: which one")] = None,
) -> Reply:
    """Your price alerts that wait, with buttons to delete them."""
    mine = desk.alerts(actor.id)
    if change is None and number is None:
        return _list(desk, mine)
    if change is None or number is None:
        return no("To delete one: /alerts delete NUMBER", *_delete_buttons(desk, mine))
    found = next((one for one in mine if one.id == number), None)
    if found is None:
        return no(f"You have no alert {number}.", *_delete_buttons(desk, mine))
    answer = await desk.execute(DropAlert(found.id, actor.id), actor.id)
    reply = answered("Alert deleted", answer, f"{_line(desk, found)} is not waited for any more.")
    return reply if not reply.ok else _below(desk, actor, reply)


def _below(desk: Desk, actor: Actor, reply: Reply) -> Reply:
    """The list that is left, under what was just done."""
    rest = _list(desk, desk.alerts(actor.id))
    return Reply(
        title=reply.title,
        fields=reply.fields,
        table=rest.table,
        text=reply.text,
        buttons=rest.buttons,
        changes=reply.changes,
    )


def _list(desk: Desk, mine: tuple[Alert, ...]) -> Reply:
    rows = (_row(desk, one) for one in mine)
    return Reply(
        title=f"Your alerts · {count(len(mine), 'alert')}",
        table=table(">No | Symbol | When | >Price | >Mark | >Away | Set", rows),
        text="Each is told once, to you alone." if mine else NOTHING,
        buttons=(Button("Refresh", "/alerts"), *_delete_buttons(desk, mine)),
    )


def _row(desk: Desk, one: Alert) -> tuple[str, ...]:
    rules, mark = desk.instruments.get(one.symbol), _mark(desk, one.symbol)
    away = percent(None if not mark else (one.price - mark) / mark * 100, signed=True)
    at = clock(desk).short(one.at_ms)
    return (
        str(one.id),
        one.symbol,
        _words(one.above),
        written(one.price, rules),
        written(mark, rules),
        away,
        at,
    )


def _line(desk: Desk, one: Alert) -> str:
    return f"{one.symbol} {_words(one.above)} {written(one.price, desk.instruments.get(one.symbol))}"


def _delete_buttons(desk: Desk, mine: tuple[Alert, ...]) -> tuple[Button, ...]:
    return tuple(Button(f"Delete {_line(desk, one)}", f"/alerts delete {one.id}") for one in mine[:DELETABLE])
