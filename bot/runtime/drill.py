"""The drill: the panic path tried on one smallest position, with its times. Never where money is real."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from bot.domain.command import Command, Done, OpenPosition, PanicClose, Resume
from bot.domain.instrument import ZERO
from bot.domain.order import Order, Purpose
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.engine import flattening, orders, protection
from bot.engine.state import EngineState, SymbolState
from bot.runtime.desk import DrillReport

LOOK_S = 0.05
PATIENCE_S = 30.0

type Execute = Callable[[Command, str], Awaitable[Done | Refused]]
type LastTrade = Callable[[str], Awaitable[Trade | None]]


class Drill:
    """One drill at a time; times are the events' own."""

    def __init__(self, state: EngineState, execute: Execute, last_trade: LastTrade) -> None:
        """`execute` hands a command to the engine, `last_trade` is the ledger's newest of a symbol."""
        self._state = state
        self._execute = execute
        self._last_trade = last_trade
        self._running = False

    async def run(self, name: str, actor: str) -> DrillReport | Refused:
        """Open, wait for the stop, panic, verify, and lift the pause that the panic set."""
        symbol = self._state.symbols.get(name)
        if symbol is None:
            return Refused("symbol", f"{name} is not traded; traded: {', '.join(self._state.symbols)}")
        refused = self._unfit(symbol)
        if refused is not None:
            return refused
        self._running = True
        try:
            return await self._run(symbol, actor)
        finally:
            self._running = False

    def _unfit(self, symbol: SymbolState) -> Refused | None:
        if self._running:
            return Refused("drill", "another drill is under way")
        if not symbol.position.flat or symbol.orders or symbol.pending is not None:
            return Refused(
                "drill", f"{symbol.symbol} is not flat: a drill needs a symbol without position and orders"
            )
        return None

    async def _run(self, symbol: SymbolState, actor: str) -> DrillReport | Refused:
        was_paused = symbol.paused
        opened = await self._execute(OpenPosition(symbol.symbol, Side.LONG, smallest=True), actor)
        if isinstance(opened, Refused):
            return Refused(opened.rule, f"the drill's entry is refused: {opened.figures}")
        client_id = opened.decision.client_id if opened.decision is not None else ""
        entry = await self._filled(symbol, client_id)
        stop = await self._covered(symbol) if entry is not None else None
        opened_at_ms = symbol.open_trade.opened_at_ms if symbol.open_trade is not None else 0
        done = await self._execute(PanicClose(symbol.symbol), actor)
        if isinstance(done, Refused):
            return done
        if not _proven(done):
            return Refused("drill", f"the panic close is not confirmed: {'; '.join(done.remarks)}")
        if not was_paused:
            await self._execute(Resume(symbol.symbol), actor)
        if entry is None or stop is None:
            what = "its entry was not filled" if entry is None else "its stop was not confirmed"
            return Refused("drill", f"{what} within {PATIENCE_S:.0f} s; closed again, flat by the venue")
        return await self._report(symbol, done, (entry, stop, opened_at_ms))

    async def _filled(self, symbol: SymbolState, client_id: str) -> Order | None:
        """The entry once it is filled and over; None when it is not in time, or refused."""
        await self._until(lambda: symbol.pending is None)
        order = orders.find(symbol, client_id)
        return order if order is not None and not symbol.position.flat else None

    async def _covered(self, symbol: SymbolState) -> Order | None:
        """The confirmed stop; None when there is none in time."""
        await self._until(lambda: protection.covered(symbol))
        stops = [order for order in symbol.live(Purpose.STOP) if order.status in protection.CONFIRMED]
        return stops[0] if stops and protection.covered(symbol) else None

    async def _until(self, reached: Callable[[], bool]) -> None:
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if reached():
                return
            await asyncio.sleep(LOOK_S)

    async def _report(self, symbol: SymbolState, done: Done, seen: tuple[Order, Order, int]) -> DrillReport:
        entry, stop, opened_at_ms = seen
        trade = await self._last_trade(symbol.symbol)
        return DrillReport(
            symbol=symbol.symbol,
            filled_ms=opened_at_ms - entry.created_at_ms,
            covered_ms=stop.updated_at_ms - opened_at_ms,
            flat_ms=max((receipt.verified_ms for receipt in done.receipts), default=0),
            receipts=done.receipts,
            fees=trade.fees if trade is not None else Decimal(ZERO),
            trading=self._state.trading,
        )


def _proven(done: Done) -> bool:
    return flattening.FLAT in done.remarks
