"""Closing positions: market orders split to what the venue takes, retried, joined, answered with receipts."""

from decimal import Decimal

from bot.domain.action import StartTimer
from bot.domain.command import Done, Receipt
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, Instrument
from bot.domain.order import Approved, CloseReason, Intent, Order, Purpose, closing
from bot.domain.signal import Side
from bot.engine import codes, ladder, orders, tell
from bot.engine.state import Closing, SymbolState
from bot.engine.turn import Turn
from bot.risk.approval import approve_exit

FIRST_RETRY_MS = 250
LAST_RETRY_MS = 30_000
READ_AGAIN_TRIES = 3
CLOSE_TIMER = "close"


def start(
    turn: Turn, symbol: SymbolState, quantity: Decimal, reason: CloseReason, waiter: str = ""
) -> Closing:
    """Close `quantity` of a position; a close already on its way is joined and, where needed, enlarged.

    What closes the whole position also ends an entry that is still filling.
    """
    task = symbol.closing
    if task is None:
        task = Closing(reason, symbol.position.side, ZERO, ZERO, turn.at_ms, symbol.mark_price)
        symbol.closing = task
    grow = max(ZERO, min(quantity, symbol.position.size) - task.left)
    task.asked += grow
    task.left += grow
    task.reason = reason if reason is CloseReason.PANIC else task.reason
    task.tries = task.retry_at_ms = 0
    if task.left >= symbol.position.size:
        orders.cancel_all(turn, symbol, Purpose.ENTRY)
    if waiter:
        task.waiters.append(waiter)
    send(turn, symbol)
    return task


def send(turn: Turn, symbol: SymbolState) -> None:
    """Send what is left to close and not already on its way, in pieces the venue takes.

    Nothing is sent while the position is being read again, or fills of an earlier piece are still on their way.
    """
    task = symbol.closing
    if task is None or task.reading:
        return
    if orders.owing(symbol, Purpose.CLOSE):
        later(turn, symbol, FIRST_RETRY_MS)
        return
    open_quantity = min(task.left, symbol.position.size)
    rest = open_quantity - orders.working_quantity(symbol, Purpose.CLOSE)
    for piece in pieces(symbol.instrument, rest, task.most):
        approved = approve_exit(_intent(turn, symbol, task, piece), symbol.position)
        if isinstance(approved, Approved):
            orders.send(turn, symbol, approved)


def pieces(instrument: Instrument, quantity: Decimal, most: Decimal = ZERO) -> list[Decimal]:
    """A quantity in orders that the venue takes: none too large, and the last one not too small.

    `most` is the largest piece where the venue has refused larger ones, zero elsewhere.
    """
    if quantity <= ZERO:
        return []
    largest = min(most, instrument.max_market_quantity) if most else instrument.max_market_quantity
    most = instrument.quantity_down(largest) or quantity
    whole, last = divmod(quantity, most)
    found = [most] * int(whole) + ([last] if last else [])
    missing = instrument.min_quantity - found[-1]
    if len(found) > 1 and missing > ZERO:
        found[-2] -= missing
        found[-1] += missing
    return found


def again(turn: Turn, symbol: SymbolState) -> None:
    """Time to try again: what could not be cancelled, and what is left to close."""
    orders.cancel_again(turn, symbol)
    if symbol.closing is not None:
        symbol.closing.retry_at_ms = 0
    send(turn, symbol)


def later(turn: Turn, symbol: SymbolState, wait_ms: int) -> None:
    """Try again after a while."""
    turn.act(StartTimer(CLOSE_TIMER, symbol.symbol, turn.at_ms + wait_ms))


def _intent(turn: Turn, symbol: SymbolState, task: Closing, quantity: Decimal) -> Intent:
    plan = symbol.plan
    kind, limit, lasting = ladder.form(symbol, task)
    return Intent(
        symbol=symbol.symbol,
        side=closing(symbol.position.side),
        purpose=Purpose.CLOSE,
        type=kind,
        quantity=quantity,
        limit_price=limit,
        time_in_force=lasting,
        decision_id=f"{plan.decision_id if plan else 'foreign'}/{turn.at_ms}",
        attempt=turn.state.order_count + 1,
        reduce_only=True,
        expected_price=symbol.mark_price,
        reason=task.reason,
    )


def count(turn: Turn, symbol: SymbolState, fill: Fill, realised: Decimal) -> None:
    """A fill reduced the position: it counts towards the close, whatever order it came from.

    `realised` is its profit with its share of the entry's fees and of funding, so that the receipt of a close of
    everything says what the trade says.
    """
    task = symbol.closing
    if task is None:
        return
    task.left = max(ZERO, task.left - fill.quantity)
    task.value += fill.quantity * fill.price
    task.net += realised - fill.fee
    if task.left == ZERO or symbol.position.flat:
        finish(turn, symbol)


def finish(turn: Turn, symbol: SymbolState) -> None:
    """The close is over: receipts to those who asked."""
    task, symbol.closing = symbol.closing, None
    if task is None:
        return
    receipt = _receipt(turn, symbol, task)
    for flatten in turn.state.flattens:
        if symbol.symbol in flatten.symbols:
            flatten.receipts.append(receipt)
    for waiter in task.waiters:
        turn.answer(waiter, Done(receipts=(receipt,)))


def _receipt(turn: Turn, symbol: SymbolState, task: Closing) -> Receipt:
    # a close that began on the other side of a fill may have nothing left although its own orders did less
    left_over = min(task.left, symbol.position.size)
    done = task.asked - left_over
    average = task.value / done if done else ZERO
    less = (
        (task.expected_price - average) * done if task.expected_price else ZERO
    )  # than was expected to be got
    return Receipt(
        symbol=symbol.symbol,
        asked=task.asked,
        done=done,
        left=left_over,
        average_price=average,
        slippage=less if task.side is Side.LONG else -less,
        net=task.net,
        took_ms=turn.at_ms - task.started_at_ms,
    )


def so_far(turn: Turn, symbol: SymbolState, since_ms: int) -> Receipt:
    """The receipt of a position that is still open; without a close on its way nothing is done since `since_ms`."""
    task = symbol.closing
    if task is None:
        size = symbol.position.size
        return Receipt(symbol.symbol, size, ZERO, size, ZERO, ZERO, ZERO, turn.at_ms - since_ms)
    return _receipt(turn, symbol, task)


def failed(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """A close order did not do its work: try otherwise, or again with back-off; in between read the position again."""
    task = symbol.closing
    if task is None or task.retry_at_ms > turn.at_ms:
        return  # the pieces of one try fail together
    task.tries += 1
    otherwise = ladder.learn(turn, symbol, task, order, code)
    if task.tries % READ_AGAIN_TRIES == 0 or code in codes.NOTHING_TO_REDUCE:
        task.reading = True
        turn.look()
    if task.tries % turn.state.settings.close_tries == 0:
        tell.unclosed(turn, symbol, task.left, code)
    back_off = min(FIRST_RETRY_MS * 2 ** min(task.tries, 10), LAST_RETRY_MS)
    wait = FIRST_RETRY_MS if otherwise else back_off
    task.retry_at_ms = turn.at_ms + wait
    later(turn, symbol, wait)


def read(turn: Turn) -> None:
    """The position was read again, or could not be: closes that waited for that go on."""
    for symbol in turn.state.symbols.values():
        task = symbol.closing
        if task is not None and task.reading:
            task.reading = False
            if task.retry_at_ms <= turn.at_ms:
                send(turn, symbol)
