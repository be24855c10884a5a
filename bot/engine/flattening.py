"""Flattening: closes of whole positions, asked by a person, until the venue itself says that they are flat.

What was asked is kept over restarts, with what has been closed so far. It is answered when the venue has confirmed, or
after a while with what is left; the desk then goes on, and a notice tells the end.
"""

from dataclasses import replace

from bot.domain.action import StartTimer
from bot.domain.command import Done, Receipt
from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Purpose
from bot.domain.refusal import Refused
from bot.engine import closing, orders, protection, tell
from bot.engine.state import Flatten, SymbolState
from bot.engine.turn import Turn

ANSWER_MS = 30_000
FLATTEN_TIMER = "flatten"
VERIFY_TIMER = "verify"
VERIFY_ROUNDS = 5
FLAT = "flat, verified with the venue"
MOST_WAIT_MS = 30_000


def start(turn: Turn, symbols: list[SymbolState], reason: CloseReason, command_id: str, actor: str) -> None:
    """Close these positions in full and answer the command once the venue confirms that they are flat."""
    names = tuple(symbol.symbol for symbol in symbols)
    turn.state.flattens.append(Flatten(command_id, names, reason, turn.at_ms, actor))
    turn.act(StartTimer(FLATTEN_TIMER, command_id, turn.at_ms + ANSWER_MS))
    for symbol in symbols:
        symbol.reversal = None
        orders.cancel_all(turn, symbol, Purpose.ENTRY)
        if symbol.position.quantity:
            closing.start(turn, symbol, symbol.position.size, reason)
    progress(turn)


def overtake(turn: Turn, symbol: SymbolState) -> None:
    """An entry was filled while its symbol is being flattened: that goes too."""
    for task in turn.state.flattens:
        if symbol.symbol in task.symbols:
            closing.start(turn, symbol, symbol.position.size, task.reason)


def carry_on(turn: Turn) -> None:
    """A start's books agree with the venue: what was being flattened when the last run ended goes on."""
    for task in turn.state.flattens:
        _close_rest(turn, task)
    progress(turn)


def progress(turn: Turn) -> None:
    """Ask the venue for proof as soon as our own books say flat."""
    for task in turn.state.flattens:
        asked = _prove(turn, task)
        if not task.verifying and turn.at_ms >= task.again_at_ms and _flat(turn, task):
            task.verifying = asked = True
        if asked:
            turn.look()


def _prove(turn: Turn, task: Flatten) -> bool:
    """Stops and targets of what is flat by our books wait for the venue's word on it, once; True when it is asked."""
    found = {
        symbol.symbol
        for symbol in _states(turn, task)
        if symbol.position.flat and (symbol.live(Purpose.STOP) or symbol.live(Purpose.TARGET))
    } - task.proven
    task.proving |= found
    task.proven |= found
    return bool(found)


def _let_go(turn: Turn) -> None:
    """The venue has answered, or cannot: what protected positions that are gone goes."""
    for task in turn.state.flattens:
        names, task.proving = sorted(task.proving), set()
        for name in names:
            protection.ensure(turn, turn.state.symbols[name])


def again(turn: Turn) -> None:
    """Time for another round: what is open is closed again, what is flat is proven."""
    for task in turn.state.flattens:
        if not task.verifying and turn.at_ms >= task.again_at_ms:
            _close_rest(turn, task)
    progress(turn)


def _close_rest(turn: Turn, task: Flatten) -> None:
    for symbol in _states(turn, task):
        orders.cancel_all(turn, symbol, Purpose.ENTRY)
        if symbol.position.quantity:
            closing.start(turn, symbol, symbol.position.size, task.reason)


def _states(turn: Turn, task: Flatten) -> list[SymbolState]:
    return [turn.state.symbols[name] for name in task.symbols]


def _flat(turn: Turn, task: Flatten) -> bool:
    return all(s.position.flat and not s.live(Purpose.ENTRY) for s in _states(turn, task))


def verified(turn: Turn) -> None:
    """A snapshot has been reconciled: what is flat by it is proven; what is not is closed again."""
    _let_go(turn)
    for task in list(turn.state.flattens):
        if not task.verifying:
            continue
        task.verifying = False
        if _flat(turn, task):
            _finish(turn, task)
        else:
            _another_round(turn, task)


def unverified(turn: Turn, code: str) -> None:
    """The venue could not be asked: ask again, and after some rounds say so."""
    _let_go(turn)
    for task in turn.state.flattens:
        if not task.verifying:
            continue
        task.verifying = False
        task.rounds += 1
        if task.rounds >= VERIFY_ROUNDS:
            _answer(
                turn,
                task,
                f"flat by our books; the venue could not be asked ({code}), the desk goes on asking",
            )
        _later(turn, task)


def _another_round(turn: Turn, task: Flatten) -> None:
    task.rounds += 1
    if task.rounds < VERIFY_ROUNDS:
        _close_rest(turn, task)
        return
    if not task.answered:
        _answer(turn, task, f"NOT FLAT: {_left(turn, task)} left, the desk goes on closing")
        for state in _states(turn, task):
            if state.position.quantity:
                tell.unclosed(turn, state, state.position.size, "verification")
    _later(turn, task)


def _later(turn: Turn, task: Flatten) -> None:
    wait_ms = min(closing.FIRST_RETRY_MS * 2**task.rounds, MOST_WAIT_MS)
    task.again_at_ms = turn.at_ms + wait_ms
    turn.act(StartTimer(VERIFY_TIMER, task.command_id, task.again_at_ms))


def due(turn: Turn, command_id: str) -> None:
    """The one who asked has waited long enough: say what is done and what is left; the desk goes on."""
    for task in turn.state.flattens:
        if task.command_id == command_id and not task.answered:
            seconds = (turn.at_ms - task.started_at_ms) // 1000
            what = (
                f"{_left(turn, task)} left"
                if not _flat(turn, task)
                else "flat by our books, not by the venue's"
            )
            _answer(turn, task, f"NOT CONFIRMED after {seconds} s: {what}; the desk goes on until it is flat")


def _left(turn: Turn, task: Flatten) -> str:
    held = [f"{s.symbol} {s.position.quantity:f}" for s in _states(turn, task) if s.position.quantity]
    entering = [f"{s.symbol} an entry order" for s in _states(turn, task) if s.live(Purpose.ENTRY)]
    return ", ".join([*held, *entering]) or "nothing"


def _finish(turn: Turn, task: Flatten) -> None:
    turn.state.flattens.remove(task)
    took_ms = turn.at_ms - task.started_at_ms
    task.receipts = [replace(receipt, verified_ms=took_ms) for receipt in task.receipts]
    if task.answered or task.resumed:
        how = "finished after a restart" if task.resumed else "finished"
        _tell(turn, task, f"{how}: {FLAT}", tuple(task.receipts))
    if not task.answered:
        turn.answer(task.command_id, Done(receipts=tuple(task.receipts), remarks=_flat_words(turn, task)))


def _flat_words(turn: Turn, task: Flatten) -> tuple[str, ...]:
    """What is flat, and what a panic never touches: positions of symbols that are not traded here."""
    words = (FLAT,)
    others = sorted(turn.state.foreign_positions) if len(task.symbols) == len(turn.state.symbols) else []
    return (*words, f"not traded here and left alone: {', '.join(others)}") if others else words


def _answer(turn: Turn, task: Flatten, remark: str) -> None:
    """Answer before the end, once; the next word is a notice."""
    if task.answered:
        return
    task.answered = True
    found = _receipts(turn, task)
    if task.resumed:
        _tell(turn, task, f"goes on after a restart: {remark}", found)
    else:
        turn.answer(task.command_id, Done(receipts=found, remarks=(remark,)))


def _receipts(turn: Turn, task: Flatten) -> tuple[Receipt, ...]:
    """Of what is closed, and of what is still open."""
    running = [s for s in _states(turn, task) if s.position.quantity]
    return (*task.receipts, *(closing.so_far(turn, symbol, task.started_at_ms) for symbol in running))


def _tell(turn: Turn, task: Flatten, what: str, receipts: tuple[Receipt, ...]) -> None:
    severity = Severity.CRITICAL if task.reason is CloseReason.PANIC else Severity.TRADE
    fields = tuple((receipt.symbol, tell.receipt(turn, receipt)) for receipt in receipts)
    turn.tell(NoticeKind.PANIC, severity, f"{title(task)} {what}", fields)


def title(task: Flatten) -> str:
    """What was asked, and when: `Panic close of 12:03 UTC`."""
    minutes = task.started_at_ms % DAY_MS // MINUTE_MS
    when = f"{minutes // (HOUR_MS // MINUTE_MS):02d}:{minutes % (HOUR_MS // MINUTE_MS):02d} UTC"
    return f"{'Panic close' if task.reason is CloseReason.PANIC else 'Close'} of {when}"


def ended(turn: Turn, name: str) -> tuple[str, ...] | Refused:
    """A person wants entries again (on one symbol, or on all): ends the panics of just that, in words.

    One that nobody has been answered about is not ended so: Refused.
    """
    names = (name,) if name else tuple(turn.state.symbols)
    found = [t for t in turn.state.flattens if t.reason is CloseReason.PANIC and t.symbols == names]
    for task in found:
        if not task.answered and not task.resumed:
            return Refused(
                "panic", f"a panic close is under way: {_left(turn, task)} left; wait for its answer"
            )
    remarks = tuple(f"{title(task)} is given up: {_left(turn, task)} left" for task in found)
    for task in found:
        turn.state.flattens.remove(task)
        for symbol in _states(turn, task):
            closing.finish(turn, symbol)
            protection.ensure(turn, symbol)
    return remarks
