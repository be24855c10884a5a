"""Order calls: submit, cancel, query, leverage. What each answer means is decided in errors; here it is told."""

from bot.domain.event import Call, CallEnded, OrderUpdated
from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderStatus
from bot.venues import outcome
from bot.venues.binance import asks
from bot.venues.binance.kinship import LIVE_ALGOS, Kinship
from bot.venues.binance.reading import Row, amount, row, text, whole
from bot.venues.binance.words import ALGO_ENDS, STATUSES, learn_algo, stuck, submit_ask
from bot.venues.ccxt_venue.dialect import PositionMode
from bot.venues.ccxt_venue.wire import Gateway
from bot.venues.outcome import Answer, Verdict

GARBAGE = "garbage"
STUCK = "stuck in its trigger"
_GONE = ("-2011", "-2013")
_ENDED_BADLY = frozenset({"EXPIRED", "EXPIRED_IN_MATCH", "REJECTED", "CANCELED"})


def code_of(answer: Answer) -> str:
    """A short code for people: the venue's, ours, or the HTTP status."""
    return answer.code or f"http {answer.status}"


class Orders:
    """Calls about single orders."""

    def __init__(self, gateway: Gateway, kin: Kinship, mode: PositionMode) -> None:
        """`mode` must be what the account is set to; the gate sees to that."""
        self._gateway = gateway
        self._kin = kin
        self._mode = mode

    async def submit(self, order: Order) -> CallEnded:
        """Send one order. Fills and states come by the stream, never from this answer.

        An answer without the id we sent proves nothing: UNKNOWN. So is one that says that the order ended (an IOC
        order with nothing to match, for example): the engine asks after it at once and so hears of that end even if
        its frame is lost. An answer that says FILLED is DONE; should those frames be lost, the next snapshot has the
        fills.
        """
        conditional = order.intent.type.conditional
        ids = (order.client_id, order.symbol)
        self._kin.sent(order.client_id)
        self._kin.touch(order.symbol, self._gateway.now_ms)
        answer = await self._gateway.ask(submit_ask(order, self._mode))
        at_ms = self._gateway.now_ms
        self._kin.touch(order.symbol, at_ms)
        if answer.verdict is not Verdict.DONE:
            return outcome.ended(_told(answer), at_ms, Call.SUBMIT, *ids)
        found = row(answer.body)
        venue_id = _venue_id(found, conditional)
        if not venue_id or _client_id(found, conditional) != order.client_id:
            return outcome.unknown(at_ms, Call.SUBMIT, *ids, GARBAGE)
        self._learn(found, conditional)
        status = text(found, "algoStatus" if conditional else "status")
        if status in _ENDED_BADLY:
            return outcome.unknown(at_ms, Call.SUBMIT, *ids, status)
        return outcome.done(at_ms, Call.SUBMIT, *ids, venue_id=venue_id)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE also when it is already gone."""
        self._kin.touch(symbol, self._gateway.now_ms)
        answer = await self._gateway.ask(asks.cancel(symbol, client_id, conditional=conditional))
        if conditional and answer.verdict is Verdict.BENIGN:
            return await self._cancel_what_became_of_it(client_id, symbol, answer)
        return self._cancelled(answer, client_id, symbol, conditional)

    def _cancelled(self, answer: Answer, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        at_ms, ids = self._gateway.now_ms, (client_id, symbol)
        if answer.verdict is not Verdict.DONE:
            return outcome.ended(_told(answer), at_ms, Call.CANCEL, *ids)
        venue_id = _venue_id(row(answer.body), conditional)
        if not venue_id:
            return outcome.unknown(at_ms, Call.CANCEL, *ids, GARBAGE)
        return outcome.done(at_ms, Call.CANCEL, *ids, venue_id=venue_id)

    async def _cancel_what_became_of_it(self, client_id: str, symbol: str, gone: Answer) -> CallEnded:
        """`No such conditional order` may mean: triggered, and the order it became still works, or hangs."""
        answer = await self._gateway.ask(asks.query(symbol, client_id, conditional=True))
        found = row(answer.body) if answer.good else {}
        learn_algo(found, self._kin)
        status, child = text(found, "algoStatus"), self._kin.child(client_id)
        at_ms = self._gateway.now_ms
        if status in LIVE_ALGOS and not stuck(found, at_ms):
            return outcome.not_done(at_ms, Call.CANCEL, client_id, symbol, f"{code_of(gone)}, but {status}")
        if child and status in ("", "TRIGGERED"):
            answer = await self._gateway.ask(asks.cancel_child(symbol, child))
            return self._cancelled(answer, client_id, symbol, conditional=False)
        return outcome.ended(_told(gone), at_ms, Call.CANCEL, client_id, symbol)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order. Only a clear `no such order` is NOT_DONE; a question that fails says nothing."""
        answer = await self._gateway.ask(asks.query(symbol, client_id, conditional=conditional))
        found = row(answer.body)
        if answer.verdict is not Verdict.DONE or _client_id(found, conditional) != client_id:
            return self._no_answer(answer, client_id, symbol)
        self._learn(found, conditional)
        return await self._algo(found, client_id, symbol) if conditional else self._order(found, client_id)

    def _no_answer(self, answer: Answer, client_id: str, symbol: str) -> CallEnded:
        at_ms, ids = self._gateway.now_ms, (client_id, symbol)
        if answer.verdict is Verdict.NOT_DONE and answer.code in _GONE and answer.status < 500:
            return outcome.not_done(at_ms, Call.SUBMIT, *ids, outcome.NOT_FOUND)
        code = GARBAGE if answer.verdict is Verdict.DONE else code_of(answer)
        return outcome.unknown(at_ms, Call.SUBMIT, *ids, code)

    def _order(self, found: Row, client_id: str) -> OrderUpdated | CallEnded:
        status = STATUSES.get(text(found, "status"))
        if status is None:
            return outcome.unknown(
                self._gateway.now_ms, Call.SUBMIT, client_id, text(found, "symbol"), GARBAGE
            )
        return OrderUpdated(
            at_ms=self._gateway.now_ms,
            client_id=client_id,
            venue_id=text(found, "orderId"),
            symbol=text(found, "symbol"),
            status=status,
            filled=amount(found, "executedQty"),
            average_price=amount(found, "avgPrice"),
            code=text(found, "status") if text(found, "status") in _ENDED_BADLY else "",
        )

    async def _algo(self, found: Row, client_id: str, symbol: str) -> OrderUpdated | CallEnded:
        """A conditional order's state; once triggered, that of the order it became, under the same client id."""
        status = text(found, "algoStatus")
        if stuck(found, self._gateway.now_ms):
            return self._update(found, OrderStatus.EXPIRED, STUCK)
        if status in LIVE_ALGOS:
            return self._update(found, OrderStatus.WORKING)
        if status in ALGO_ENDS:
            return self._update(found, ALGO_ENDS[status], status)
        if status in ("TRIGGERED", "FINISHED"):
            return await self._child(found, client_id, symbol)
        return outcome.unknown(self._gateway.now_ms, Call.SUBMIT, client_id, symbol, GARBAGE)

    async def _child(self, found: Row, client_id: str, symbol: str) -> OrderUpdated | CallEnded:
        """FINISHED says filled or cancelled: only the order itself tells which."""
        child = self._kin.child(client_id)
        ask = asks.query_child(symbol, child) if child else asks.query(symbol, client_id, conditional=False)
        answer = await self._gateway.ask(ask)
        order = row(answer.body)
        if answer.verdict is Verdict.DONE and whole(order, "orderId") is not None:
            self._learn(order, conditional=False)
            return self._order(order, client_id)
        if text(found, "algoStatus") == "TRIGGERED" and not child:
            return self._update(found, OrderStatus.WORKING)
        code = GARBAGE if answer.verdict is Verdict.DONE else f"order of the trigger: {code_of(answer)}"
        return outcome.unknown(self._gateway.now_ms, Call.SUBMIT, client_id, symbol, code)

    def _update(self, found: Row, status: OrderStatus, code: str = "") -> OrderUpdated:
        return OrderUpdated(
            at_ms=self._gateway.now_ms,
            client_id=text(found, "clientAlgoId"),
            venue_id=text(found, "algoId"),
            symbol=text(found, "symbol"),
            status=status,
            filled=ZERO,
            average_price=ZERO,
            code=code,
        )

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set leverage; what the answer confirms must be what was asked for."""
        answer = await self._gateway.ask(asks.set_leverage(symbol, leverage))
        at_ms = self._gateway.now_ms
        if answer.verdict is Verdict.DONE and whole(row(answer.body), "leverage") != leverage:
            return outcome.unknown(at_ms, Call.SUBMIT, "", symbol, GARBAGE)
        if (
            answer.verdict is Verdict.BENIGN
        ):  # Binance has no such word about leverage: some other setting is so
            return outcome.unknown(at_ms, Call.SUBMIT, "", symbol, code_of(answer))
        return outcome.ended(_told(answer), at_ms, Call.SUBMIT, "", symbol)

    def _learn(self, found: Row, conditional: bool) -> None:
        if conditional:
            learn_algo(found, self._kin)
        else:
            self._kin.name(text(found, "orderId"), text(found, "clientOrderId"))


def _venue_id(found: Row, conditional: bool) -> str:
    value = whole(found, "algoId" if conditional else "orderId")
    return str(value) if value is not None and value > 0 else ""


def _client_id(found: Row, conditional: bool) -> str:
    return text(found, "clientAlgoId" if conditional else "clientOrderId")


def _told(answer: Answer) -> Answer:
    """The answer with a code that is never empty, unless all is well."""
    if answer.code or answer.verdict is Verdict.DONE:
        return answer
    return Answer(answer.verdict, answer.status, code_of(answer), answer.body, answer.words)
