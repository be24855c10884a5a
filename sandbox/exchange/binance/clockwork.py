"""What happens by the clock: keys expire, connections are cut, timed orders end."""

from sandbox.exchange.binance.call import Floor
from sandbox.exchange.binance.hub import Hub
from sandbox.exchange.binance.personal import Personal
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import ConditionalStatus


class Clockwork:
    """All of it, on each tick."""

    def __init__(self, floor: Floor, hub: Hub, personal: Personal) -> None:
        self._floor = floor
        self._hub = hub
        self._personal = personal

    def tick(self, now_ms: int) -> None:
        """Time passed."""
        for key in self._floor.keeping.keys.expired(now_ms):
            self._personal.expire(key)
        self._cut(now_ms)
        timers = self._floor.keeping.timers
        for switch, at_ms in list(timers.countdown.items()):
            if at_ms <= now_ms:
                del timers.countdown[switch]
                self._cancel_all(*switch)
        for order, at_ms in list(timers.ending.items()):
            if at_ms <= now_ms:
                del timers.ending[order]
                self._end(*order)
        for tied in list(timers.tied):
            if not self._waits(*tied):
                timers.tied.discard(tied)

    def _cut(self, now_ms: int) -> None:
        oldest = now_ms - self._floor.keeping.settings.connection_life_ms
        for connection in list(self._hub.connections.values()):
            if connection.socket.opened_at_ms <= oldest:
                connection.socket.close(1001, "connection lives 24 hours")
                self._hub.drop(connection.socket)

    def _account(self, name: str) -> ExchangeAccount:
        return next(one for one in self._floor.exchange.accounts() if one.name == name)

    def _cancel_all(self, account: str, symbol: str) -> None:
        owner = self._account(account)
        for order in owner.live_orders(symbol):
            owner.cancel(order)

    def _end(self, account: str, order_id: int) -> None:
        owner = self._account(account)
        order = next((one for one in owner.live_orders() if one.order_id == order_id), None)
        if order is not None:
            owner.cancel(order)

    def _waits(self, account: str, conditional_id: int) -> bool:
        """GTE_GTC: the exchange removes the order once its position is closed."""
        owner = self._account(account)
        one = owner.find_conditional(conditional_id)
        if one is None or one.status is not ConditionalStatus.NEW:
            return False
        if any(leg.quantity for leg in owner.legs(one.ask.symbol) if leg.leg is one.ask.leg):
            return True
        self._floor.exchange.expire_conditional(account, conditional_id)
        return False
