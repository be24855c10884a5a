"""Strategy parameters at run time, and reverse re-entry."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from bot.domain.command import Change, Done, SetParameter, SetReentry
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk, ParameterView
from bot.strategy import Parameter, Value
from handlers.cards import answered, proposed, refused, table
from handlers.command import Actor, Confirm, Example, Help, Risk, Role, Suggest, SymbolName, command
from handlers.format import count, plain
from handlers.reply import Button, Reply
from handlers.settings_cards import setting_lines

FROM_NEXT_BAR = "It counts from the next bar's signals on and is kept over restarts."
MEANS = f"{FROM_NEXT_BAR} Open trades keep their stop and target."
ALL = "all"


@command(area="risk", role=Role.TRADER, risk=Risk.READ)
async def params(desk: Desk, symbol: SymbolName | None = None) -> Reply:
    """Strategy parameters: value, default, allowed range, and where each comes from."""
    if symbol is None:
        return _deviations(desk)
    views = desk.parameters(symbol)
    strategy = views[0].strategy if views else "none"
    columns = "Parameter | >Value | >Default | Allowed | From | Meaning"
    return Reply(
        title=f"Parameters · {symbol} · {strategy}",
        table=table(columns, (_parameter_row(view) for view in views)),
        text=f"Change one with /set {symbol} PARAMETER VALUE."
        if views
        else f"{symbol} has no strategy parameters.",
        buttons=(Button("Refresh", f"/params {symbol}"), Button("Why", f"/why {symbol}")),
    )


def _deviations(desk: Desk) -> Reply:
    """What differs from the defaults, over all symbols."""
    views = [view for symbol in desk.instruments for view in desk.parameters(symbol)]
    changed = [view for view in views if view.value != view.parameter.default]
    rows = ((view.symbol, *_parameter_row(view)) for view in changed)
    symbols = len(desk.instruments)
    shown = f"These differ from the defaults ({count(symbols, 'symbol')})." if changed else ""
    return Reply(
        title=f"Parameters · {count(symbols, 'symbol')}",
        table=table("Symbol | Parameter | >Value | >Default | Allowed | From | Meaning", rows),
        text=f"{shown or 'Every symbol runs on its defaults.'} /params SYMBOL lists them all.",
        buttons=tuple(Button(symbol, f"/params {symbol}") for symbol in list(desk.instruments)[:6]),
    )


def _parameter_row(view: ParameterView) -> tuple[str, ...]:
    parameter = view.parameter
    return (
        parameter.name,
        value_words(view.value, parameter.unit),
        value_words(parameter.default, parameter.unit),
        allowed_words(parameter),
        view.source,
        parameter.help,
    )


def value_words(value: Value, unit: str = "") -> str:
    """A parameter's value for people."""
    if isinstance(value, bool):
        return "on" if value else "off"
    text = value if isinstance(value, str) else plain(value)
    return f"{text} {unit}".strip()


def allowed_words(parameter: Parameter) -> str:
    """What a parameter may be."""
    if parameter.choices:
        return " or ".join(parameter.choices)
    if isinstance(parameter.default, bool):
        return "on or off"
    low, high = parameter.low, parameter.high
    if low is None and high is None:
        return "any"
    return f"{'' if low is None else plain(low)} to {'' if high is None else plain(high)}".strip()


def _names(desk: Desk) -> Iterator[str]:
    """The parameters of the strategies in use, each once."""
    views = (view for symbol in desk.instruments for view in desk.parameters(symbol))
    yield from dict.fromkeys(view.parameter.name for view in views)


ParameterName = Annotated[str, Suggest(_names), Help("see /params SYMBOL"), Example("adx_threshold")]
NewValue = Annotated[str, Help("its range: /params SYMBOL"), Example("20")]


async def preview_set(desk: Desk, actor: Actor, symbol: str, parameter: str, value: str) -> Reply:
    """The card before /set."""
    chosen = "" if symbol == ALL else symbol
    new = desk.check_parameter(chosen, parameter, value)
    if isinstance(new, Refused):
        return refused(new)
    views = _views(desk, chosen, parameter)
    change = Change(_title(parameter, symbol), _before(views), value_words(new))
    found = await desk.preview_setting(SetParameter(chosen, parameter, new), actor.id)
    if isinstance(found, Refused):
        return refused(found)
    meaning = ""
    if views:
        meaning = f"{views[0].parameter.help.rstrip('.')}; allowed: {allowed_words(views[0].parameter)}."
    text = f"{FROM_NEXT_BAR}\n{setting_lines(desk, found)}"
    return proposed(f"Change {parameter}?", (change,), f"{meaning}\n{text}".strip())


def _views(desk: Desk, symbol: str, parameter: str) -> list[ParameterView]:
    symbols = [symbol] if symbol else list(desk.instruments)
    return [view for one in symbols for view in desk.parameters(one) if view.parameter.name == parameter]


def _title(parameter: str, symbol: str) -> str:
    return f"{parameter} of {'all symbols' if symbol == ALL else symbol}"


def _before(views: list[ParameterView]) -> str:
    """The present value, or the present values with how many symbols have each."""
    values = Counter(value_words(view.value) for view in views)
    if len(values) == 1:
        return next(iter(values))
    return ", ".join(f"{value} ({count(times, 'symbol')})" for value, times in values.items())


@command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_set)
async def set(  # noqa: A001 (people type /set)
    desk: Desk, actor: Actor, symbol: SymbolName | Literal["all"], parameter: ParameterName, value: NewValue
) -> Reply:
    """Change a strategy parameter of one symbol or of all; range-checked, kept over restarts."""
    chosen = "" if symbol == ALL else symbol
    new = desk.check_parameter(chosen, parameter, value)
    if isinstance(new, Refused):
        return refused(new)
    before = _before(_views(desk, chosen, parameter))
    answer = await desk.execute(SetParameter(chosen, parameter, new), actor.id)
    if isinstance(answer, Done):
        answer = Done((Change(_title(parameter, symbol), before, value_words(new)),), remarks=answer.remarks)
    back = Button("Parameters", f"/params {chosen}".strip())
    return answered("Parameter changed", answer, MEANS, (back,))


@command(area="risk", role=Role.TRADER)
async def reentry(
    desk: Desk, actor: Actor, symbol: SymbolName, switch: Annotated[Literal["on", "off"], Example("on")]
) -> Reply:
    """Switch reverse re-entry of a symbol: an opposite signal closes and enters the other way."""
    answer = await desk.execute(SetReentry(symbol, switch == "on"), actor.id)
    means = "enters the other way, through all gates" if switch == "on" else "does not enter again"
    text = f"An opposite signal closes the position and {means}."
    return answered("Re-entry changed", answer, text, (Button("Symbols", "/symbols"),))
