"""The sandbox exchange: fulfils Exchange. Time moves by `advance`; everything that follows happens in it, in order.

At one step of the market, symbol by symbol: the price travels to its next figure and stops at every level on its way
(fills of resting orders, then triggers and liquidations, nearest first); then prices and candles are told. A push by
the control calls jumps: what it passes executes at the new price, resting limit orders at their limit all the same.
When a candle is over: it is told closed, funding that is due is settled, the next one opens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from bot.domain.instrument import ZERO, Instrument, to_decimal
from sandbox.exchange.account import SimulatedAccount
from sandbox.exchange.core import Listener
from sandbox.exchange.market import SandboxMarket
from sandbox.exchange.movement import Movement
from sandbox.exchange.news import KlineNews, PriceNews
from sandbox.exchange.nouns import (
    ApiKey,
    ConditionalStatus,
    ExchangeRules,
    Kline,
    Leg,
    MarketView,
    PositionMode,
)
from sandbox.exchange.upkeep import Upkeep
from sandbox.exchange.world import World

AHEAD_MS = 1_000
"""How far a request's timestamp may be ahead of our clock."""


class SimulatedExchange:
    """A market, contracts, accounts, and the control calls that tests and drills use."""

    def __init__(
        self,
        rules: ExchangeRules,
        market: SandboxMarket,
        start_at_ms: int,
        wall: Callable[[], int] | None = None,
    ) -> None:
        """`wall`: a second clock (ms) by which timestamps of requests are accepted too."""
        self.rules = rules
        self.world = World(rules, market, start_at_ms)
        self.world.touched = self._touched
        self._market = market
        self._instruments: Mapping[str, Instrument] = {
            symbol: contract.instrument for symbol, contract in market.contracts.items()
        }
        self._wall = wall
        self._begun_at_ms = start_at_ms
        self._upkeep: dict[str, Upkeep] = {}
        self._keys: dict[str, SimulatedAccount] = {}
        self._busy: dict[str, list[Upkeep]] = {}

    def open_account(
        self, name: str, key: ApiKey, position_mode: PositionMode = PositionMode.ONE_WAY
    ) -> SimulatedAccount:
        """A new account with the starting wallet; ValueError when name or key is taken."""
        if name in self._upkeep or key.key in self._keys:
            raise ValueError(f"account {name} or its key exists already")
        account = SimulatedAccount(name, key, self.world, position_mode)
        self._upkeep[name] = Upkeep(account)
        self._keys[key.key] = account
        account.transfer(self.rules.start_wallet)
        return account

    # Reading

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.world.now_ms

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Contracts by symbol, as they are now."""
        return self._instruments

    def subscribe(self, listener: Listener) -> None:
        """Hear all news from now on."""
        self.world.listeners.append(listener)

    def on_time(self, timestamp_ms: int, window_ms: int) -> bool:
        """True when a timestamp is recent (and at most a second ahead) by our clock, or by the wall's."""
        clocks = [self.now_ms] if self._wall is None else [self.now_ms, self._wall()]
        return any(now - window_ms <= timestamp_ms <= now + AHEAD_MS for now in clocks)

    def view(self, symbol: str) -> MarketView:
        """Prices now; raises KeyError for an unknown symbol."""
        return self._market.view(symbol, self.now_ms)

    def klines(
        self, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Kline]:
        """Candles ascending; KeyError for an unknown symbol, ValueError for an unknown interval."""
        return self._market.klines(symbol, interval, limit, start_ms, end_ms)

    def kline(self, symbol: str, interval: str) -> Kline:
        """The candle that forms now."""
        return self._market.kline(symbol, interval)

    def prepare(self, interval: str, bars: int) -> None:
        """Make the last candles of an interval in advance, for exchanges that are to answer many clients quickly."""
        self._market.prepare(interval, bars)

    def funding_history(
        self, symbol: str, start_ms: int, end_ms: int, limit: int
    ) -> list[tuple[int, Decimal]]:
        """Settled funding rates (time, rate), ascending, the newest `limit`."""
        return self._market.funding_history(symbol, start_ms, end_ms, limit, self._begun_at_ms)

    def account_of_key(self, key: str) -> SimulatedAccount | None:
        """Whose API key it is."""
        return self._keys.get(key)

    def accounts(self) -> Sequence[SimulatedAccount]:
        """All accounts."""
        return [upkeep.account for upkeep in self._upkeep.values()]

    def account(self, name: str) -> SimulatedAccount:
        """An account by its name; KeyError when there is none."""
        return self._upkeep[name].account

    # Time

    def advance(self, to_ms: int) -> None:
        """Let the market and everything that follows from it happen up to this time."""
        self.settle_acks()
        while (at_ms := self._market.next_at_ms) <= to_ms:
            self.world.now_ms = at_ms
            opens = self._market.turns
            if opens:
                self._turn(at_ms)
            self._step(opens=opens)
        self.world.now_ms = max(self.world.now_ms, to_ms)

    def settle_acks(self) -> None:
        """Tell of orders that were acknowledged and are refused (rules.acks_first)."""
        for account in self.accounts():
            account.settle_acks()

    def _turn(self, at_ms: int) -> None:
        self.world.tell(KlineNews(at_ms, tuple(self._market.turn())))
        for symbol in self._market.due(at_ms):
            self._fund(symbol, self._market.rate(symbol, at_ms))
        self._market.open_bars()

    def _step(self, *, opens: bool) -> None:
        moved = []
        for symbol, contract, aim in self._market.targets():
            if aim != contract.price:
                moved.append(symbol)
            busy = self._accounts_in(symbol)
            if busy:
                movement = Movement(
                    symbol, contract, busy
                )  # nothing trades between a close and the next open
                (movement.jump if opens else movement.travel)(to_decimal(aim))
            else:
                contract.trade(aim)
        now_ms = self.now_ms
        if not self.world.listeners:
            return
        if moved:
            self.world.tell(PriceNews(now_ms, tuple(self.view(symbol) for symbol in moved)))
        klines = tuple(contract.kline() for contract in self._market.contracts.values())
        self.world.tell(KlineNews(now_ms, klines))

    def _accounts_in(self, symbol: str) -> list[Upkeep]:
        found = self._busy.get(symbol)
        if found is None:
            found = [one for one in self._upkeep.values() if one.account.busy(symbol)]
            self._busy[symbol] = found
        return found

    def _touched(self, symbol: str) -> None:
        self._busy.pop(symbol, None)

    def _fund(self, symbol: str, rate: Decimal) -> None:
        for upkeep in self._accounts_in(symbol):
            upkeep.settle_funding(symbol, rate)
        self._market.settled(symbol, self.now_ms, rate)

    # Control

    def set_price(self, symbol: str, price: Decimal, mark: Decimal | None = None) -> None:
        """The price is now this; with a mark, that is held from now on. ValueError when it cannot be one."""
        if not (price.is_finite() and price > ZERO) or (mark is not None and not mark > ZERO):
            raise ValueError(f"{price} (mark {mark}) is no price")
        contract = self._market.contracts[symbol]
        last, before = contract.last, contract.mark
        contract.push(price)
        if mark is not None:
            contract.held_mark = mark
        for upkeep in self._accounts_in(symbol):
            upkeep.step(symbol)
        self._settle(symbol, last, before)
        self._tell_prices(symbol)

    def set_mark(self, symbol: str, mark: Decimal | None) -> None:
        """Hold the mark price away from the last price; None: it follows again."""
        contract = self._market.contracts[symbol]
        last, before = contract.last, contract.mark
        contract.held_mark = mark
        self._settle(symbol, last, before)
        self._tell_prices(symbol)

    def _settle(self, symbol: str, last: Decimal, mark: Decimal) -> None:
        contract = self._market.contracts[symbol]
        Movement(symbol, contract, self._accounts_in(symbol)).settle(last, mark)

    def _tell_prices(self, symbol: str) -> None:
        contract = self._market.contracts[symbol]
        self.world.tell(PriceNews(self.now_ms, (self.view(symbol),)))
        self.world.tell(KlineNews(self.now_ms, (contract.kline(),)))

    def set_spread(self, symbol: str, fraction: Decimal) -> None:
        """Distance of bid and ask as a fraction of the price."""
        self._market.contracts[symbol].spread = fraction
        self._tell_prices(symbol)

    def hold(self, symbol: str, *, held: bool) -> None:
        """Stop the symbol's market (empty: all): only control calls move its price; candles close all the same."""
        contracts = self._market.contracts
        for contract in contracts.values() if not symbol else [contracts[symbol]]:
            contract.hold(held)

    def set_funding(self, symbol: str, rate: Decimal) -> None:
        """The rate of the next settlements."""
        self._market.set_rate(symbol, rate)

    def settle_funding(self, symbol: str) -> None:
        """Settle funding now, at the rate that is due next."""
        due = self._market.next_funding(symbol, self.now_ms)
        self._fund(symbol, self._market.rate(symbol, due))

    def set_tradable(self, symbol: str, *, tradable: bool) -> None:
        """Halt or resume a contract."""
        self._relist(replace(self.instruments[symbol], tradable=tradable))

    def change_filters(self, symbol: str, changes: Mapping[str, Decimal]) -> None:
        """Other rules from now on: fields of Instrument by name; TypeError for an unknown one."""
        self._relist(replace(self.instruments[symbol], **changes))  # type: ignore[arg-type]

    def _relist(self, instrument: Instrument) -> None:
        self._instruments = {**self._instruments, instrument.symbol: instrument}
        self._market.contracts[instrument.symbol].relist(instrument)
        for account in self.accounts():
            account.relist(instrument)

    def set_depth(self, symbol: str, quantity: Decimal) -> None:
        """How much (base) one execution takes at most; the rest waits for the next price; 0 = all."""
        self._market.contracts[symbol].depth = quantity

    def liquidate(self, account: str, symbol: str, leg: Leg = Leg.BOTH) -> None:
        """Liquidate a position now; ValueError when there is none."""
        if not self.account(account).held(symbol, leg):
            raise ValueError(f"{account} has no position {symbol} {leg.value}")
        self._upkeep[account].liquidate(symbol, leg)

    def deleverage(self, account: str, symbol: str, quantity: Decimal, leg: Leg = Leg.BOTH) -> None:
        """Auto-deleverage a part of a position now, at the mark."""
        self._upkeep[account].deleverage(symbol, quantity, leg)

    def stick(self, account: str, symbol: str) -> None:
        """The next conditional order of this symbol that triggers hangs in TRIGGERING."""
        self.account(account).triggers.stick(symbol)

    def refuse_trigger(self, account: str, symbol: str) -> None:
        """The next conditional order of this symbol that triggers is REJECTED."""
        self.account(account).triggers.refuse(symbol)

    def reject_next(self, account: str, symbol: str) -> None:
        """The next ordinary order of this symbol is acknowledged, then taken back with the next advance."""
        self.world.taking_back.add((self.account(account).name, symbol))

    def expire_conditional(self, account: str, conditional_id: int) -> None:
        """The exchange removes a conditional order by itself; KeyError without one, ValueError when it is over."""
        triggers = self.account(account).triggers
        conditional = triggers.by_id[conditional_id]
        if conditional.status is not ConditionalStatus.NEW:
            raise ValueError(f"{conditional_id} is {conditional.status.value}")
        triggers.end(conditional, ConditionalStatus.EXPIRED, "removed by the exchange")
