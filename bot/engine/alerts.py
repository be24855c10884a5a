"""Price alerts: looked at with every new price, told once to the one who asked, kept over restarts."""

from decimal import Decimal

from bot.domain.action import Notify
from bot.domain.alert import Alert
from bot.domain.command import Change, Done, DropAlert, SetAlert
from bot.domain.event import CommandIssued
from bot.domain.instrument import ZERO, Instrument, to_decimal
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.engine import tell
from bot.engine.answers import not_traded
from bot.engine.turn import Turn

MOST_OF_ONE = 20
MOST_OF_ALL = 500


def set_alert(turn: Turn, event: CommandIssued, command: SetAlert) -> Done | Refused:
    """Wait for a price that is not reached yet."""
    symbol, state = turn.symbol(command.symbol), turn.state
    if symbol is None:
        return not_traded(turn, command.symbol)
    if command.price <= ZERO:
        return Refused("alert", f"{command.price:f} is no price; more than 0")
    own = sum(alert.owner == command.owner for alert in state.alerts.values())
    if own >= MOST_OF_ONE or len(state.alerts) >= MOST_OF_ALL:
        return Refused("alert", f"{own} alerts wait, {MOST_OF_ONE} are allowed ({MOST_OF_ALL} of all people)")
    found = Alert(
        state.alert_count + 1, symbol.symbol, command.above, command.price, command.owner, turn.at_ms
    )
    if symbol.mark and reached(found, symbol.mark):
        mark = tell.price(symbol.instrument, symbol.mark_price)
        return Refused("alert", f"{words(found, symbol.instrument)} is so already: the mark is {mark}")
    state.alert_count = found.id
    state.alerts[found.id] = found
    return Done((Change(f"alert {found.id}", "-", words(found, symbol.instrument)),))


def drop(turn: Turn, event: CommandIssued, command: DropAlert) -> Done | Refused:
    """Take one back."""
    found = turn.state.alerts.get(command.id)
    if found is None or (command.owner and command.owner != found.owner):
        return Refused("alert", f"you have no alert {command.id}")
    del turn.state.alerts[found.id]
    instrument = turn.state.symbols[found.symbol].instrument
    return Done((Change(f"alert {found.id}", words(found, instrument), "dropped"),))


def reached(alert: Alert, mark: float) -> bool:
    """True when the mark is at the alert's price or beyond."""
    return mark >= alert.price if alert.above else mark <= alert.price


def words(alert: Alert, instrument: Instrument) -> str:
    """`XYZ at or above 105.00`."""
    price: Decimal = instrument.price_nearest(alert.price) or alert.price
    return f"{alert.symbol} at or {'above' if alert.above else 'below'} {tell.price(instrument, price)}"


def watch(turn: Turn) -> None:
    """After new prices: what is reached is told and gone."""
    for alert in list(turn.state.alerts.values()):
        symbol = turn.symbol(alert.symbol)
        if symbol is None or not symbol.mark or not reached(alert, symbol.mark):
            continue
        del turn.state.alerts[alert.id]
        now = tell.price(symbol.instrument, to_decimal(symbol.mark))
        title = f"{words(alert, symbol.instrument)}: the mark is {now}"
        kind, severity = NoticeKind.ALERT, Severity.TRADE
        turn.act(Notify(Notice(kind, severity, turn.at_ms, title, (), symbol.symbol, alert.owner)))
