"""What an account holds, as an exchange shows it: legs and funds, margins by mark price."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.liquidation import liquidation_price
from bot.domain.position import Position
from bot.venues.matching import Matching
from bot.venues.matching.margin import initial_margin
from sandbox.exchange.conditionals import STOPS, TARGETS, Triggers
from sandbox.exchange.nouns import ZERO, Funds, Leg, LegView, MarginMode, PositionMode
from sandbox.exchange.records import LegRecord, Records
from sandbox.exchange.world import SIDES, World

LEGS = {PositionMode.ONE_WAY: (Leg.BOTH,), PositionMode.HEDGE: (Leg.LONG, Leg.SHORT)}


class Holdings:
    """Views of one account's positions and money."""

    def __init__(self, matching: Matching, records: Records, triggers: Triggers, world: World) -> None:
        self._matching = matching
        self._records = records
        self._triggers = triggers
        self._world = world
        self._set: set[str] = set()
        self._parts: dict[str, tuple[Decimal, Decimal]] = {}
        self._moved: set[str] = set()
        self._spare, self._needed = ZERO, ZERO
        self._liquidations: dict[tuple[str, Leg], tuple[Position, Decimal | None]] = {}

    def remember(self, symbol: str) -> None:
        """Something was set for this symbol: its flat legs are shown from now on."""
        self._set.add(symbol)

    def sync(self, symbol: str) -> None:
        """Tell the fill model the prices of a symbol."""
        contract, matching = self._world.market.contracts[symbol], self._matching
        held_mark = contract.held_mark
        self._moved.add(symbol)
        matching.set_price(symbol, contract.price)
        matching.set_mark(symbol, None if held_mark is None else float(held_mark))
        matching.set_spread(symbol, contract.spread / 2)
        matching.set_depth(symbol, self._depth(symbol))

    def _depth(self, symbol: str) -> Decimal:
        contract, quote = self._world.market.contracts[symbol], self._world.rules.book_depth
        if contract.depth or not quote:
            return contract.depth
        instrument = contract.instrument
        return max(instrument.quantity_down(quote / contract.last), instrument.quantity_step)

    def margin_mode(self, symbol: str) -> MarginMode:
        """Margin mode of a symbol."""
        return MarginMode.CROSSED if self._matching.crossed(symbol) else MarginMode.ISOLATED

    def moved(self, symbol: str) -> None:
        """A position of the symbol changed."""
        self._moved.add(symbol)

    def legs(self, mode: PositionMode, symbol: str = "") -> list[LegView]:
        """Positions by symbol, then leg; flat ones where named, set or once held."""
        known = self._set | {name for name, _ in self._records.legs}
        names = [symbol] if symbol else sorted(known)
        return [self.leg(name, leg) for name in names for leg in LEGS[mode]]

    def leg(self, symbol: str, leg: Leg) -> LegView:
        """One position at this moment."""
        contract, position = self._world.market.contracts[symbol], self.position(symbol, leg)
        record, mark = self._records.legs.get((symbol, leg), LegRecord()), contract.mark
        notional = position.notional(mark)
        return LegView(
            symbol=symbol,
            leg=leg,
            quantity=position.quantity,
            entry_price=position.entry_price,
            mark=mark,
            leverage=position.leverage,
            margin_mode=self.margin_mode(symbol),
            isolated_margin=position.isolated_margin,
            initial_margin=initial_margin(notional, position.leverage),
            maintenance_margin=contract.instrument.maintenance_margin(notional),
            unrealised=position.unrealised(mark),
            liquidation_price=self.liquidation(symbol, leg),
            realised=record.realised,
            created_at_ms=record.created_at_ms,
            updated_at_ms=record.updated_at_ms,
            stop=self._triggers.own(symbol, leg, STOPS),
            target=self._triggers.own(symbol, leg, TARGETS),
        )

    def position(self, symbol: str, leg: Leg) -> Position:
        """One position of the fill model."""
        return self._matching.position(symbol, SIDES[leg])

    def liquidation(self, symbol: str, leg: Leg) -> Decimal | None:
        """Mark price at which a position is liquidated, all other prices as they are; None when nowhere."""
        position = self.position(symbol, leg)
        if position.flat:
            return None
        instrument = self._world.market.contracts[symbol].instrument
        if self._matching.crossed(symbol):
            spare = self._spare_for(position)
            return liquidation_price(instrument, replace(position, isolated_margin=spare))
        known = self._liquidations.get((symbol, leg))
        if known is None or known[0] is not position:
            known = (position, liquidation_price(instrument, position))
            self._liquidations[symbol, leg] = known
        return known[1]

    def health(self) -> tuple[Decimal, Decimal]:
        """Margin balance and maintenance margin of all crossed positions; only what moved is reckoned anew."""
        for symbol in sorted(self._moved):
            before = self._parts.get(symbol, (ZERO, ZERO))
            now = self._parts[symbol] = self._matching.crossed_part(symbol)
            self._spare += now[0] - before[0]
            self._needed += now[1] - before[1]
        self._moved.clear()
        return self._matching.wallet + self._spare, self._needed

    def _spare_for(self, position: Position) -> Decimal:
        """What stands for one crossed position: the crossed balance without it."""
        contract = self._world.market.contracts[position.symbol]
        balance, maintenance = self.health()
        own = contract.instrument.maintenance_margin(position.notional(contract.mark))
        return balance - position.unrealised(contract.mark) - (maintenance - own)

    def funds(self) -> Funds:
        """The account's money."""
        matching, contracts = self._matching, self._world.market.contracts
        unrealised = margin = maintenance = ZERO
        for position in matching.positions():
            contract = contracts[position.symbol]
            mark, crossed = contract.mark, matching.crossed(position.symbol)
            notional = position.notional(mark)
            unrealised += position.unrealised(mark)
            initial = initial_margin(notional, position.leverage)
            margin += initial if crossed else position.isolated_margin
            maintenance += contract.instrument.maintenance_margin(notional)
        return Funds(
            wallet=matching.wallet,
            unrealised=unrealised,
            position_margin=margin,
            order_margin=matching.order_margin(),
            maintenance_margin=maintenance,
            available=max(ZERO, matching.available()),
            updated_at_ms=self._world.now_ms,
        )

    def forget_liquidations(self, symbol: str) -> None:
        """The contract's rules changed."""
        self._moved.add(symbol)
        for leg in Leg:
            self._liquidations.pop((symbol, leg), None)
