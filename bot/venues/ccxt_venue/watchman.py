"""What is looked at now and then while a venue is open: its maintenance, the clock, the account's settings, errors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from bot.domain.guard import HaltKind
from bot.venues.ccxt_venue.conditions import Conditions, ErrorRate
from bot.venues.ccxt_venue.dialect import FrozenSettings, GateReport, Wish
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.wire import Ask, Lane
from bot.venues.outcome import Answer, Verdict
from bot.venues.port import VenueUnavailable

log = logging.getLogger(__name__)

LONGEST_OFFSET_MS = 1_000
BAN, GATE, PACE, KEY, RATE, CLOCK, MAINTENANCE = "ban", "gate", "pace", "key", "rate", "clock", "maintenance"


@dataclass(frozen=True, slots=True)
class WatchPace:
    """Seconds between looks; `regate_s` is the shortest time between two looks at the account's settings."""

    tick_s: float = 1.0
    maintenance_s: float = 60.0
    clock_s: float = 300.0
    clock_off_s: float = 60.0
    gate_s: float = 86_400.0
    key_refused_s: float = 3_600.0
    regate_s: float = 10.0


class Watchman:
    """Turns what it finds into conditions."""

    def __init__(
        self, gateway: CcxtGateway, wish: Wish, conditions: Conditions, pace: WatchPace | None = None
    ) -> None:
        self._gateway = gateway
        self._wish = wish
        self._conditions = conditions
        self._pace = pace or WatchPace()
        self._errors = ErrorRate()
        self._frozen = False
        self._report: GateReport | None = None
        gateway.on_offset = self._clock_measured
        gateway.on_answer = self._answered

    def proven(self, symbol: str, leverage: int) -> bool:
        """True when the last look found this leverage, or set it, and nobody has changed anything since.

        Also while the gate is still at it: entries rest until it has come through.
        """
        report = self._report
        if report is None or report.refusals or (self._frozen and not report.pending):
            return False
        return symbol not in report.halts and self._wish.leverage.get(symbol) == leverage

    def leverage_set(self, symbol: str, leverage: int) -> None:
        """We changed it ourselves: that is how it shall stay."""
        self._wish = replace(self._wish, leverage={**self._wish.leverage, symbol: leverage})
        self._report = None

    def settings_changed(self, frozen: FrozenSettings) -> None:
        """Somebody changed the account's settings at the venue: look at them soon."""
        log.info("%s %s was changed at the venue", frozen.symbol or "account:", frozen.what)
        self._frozen = True

    def look_again(self) -> None:
        """Nobody listened for a while: whether the settings are still what they were has to be asked."""
        self._frozen = True

    async def gate(self) -> GateReport:
        """Look at the account's settings and set them right. Raises VenueUnavailable: then it is looked at again."""
        self._frozen = False
        try:
            report = self._report = await self._gateway.dialect.gate(self._wish)
        except VenueUnavailable:
            self._frozen = True
            raise
        self._conditions.set(HaltKind.ERRORS, GATE, "; ".join(report.refusals))
        self._conditions.set(HaltKind.ERRORS, PACE, report.pending)
        self._frozen = self._frozen or bool(report.pending)
        self._halt(report.halts)
        if not report.refusals:
            self._conditions.end(HaltKind.ERRORS, KEY)
        return report

    async def run(self) -> None:
        """Look for as long as the venue is open."""
        loop = asyncio.get_running_loop()
        looked = dict.fromkeys((MAINTENANCE, CLOCK, GATE), loop.time())
        looks = {MAINTENANCE: self._maintenance, CLOCK: self._clock, GATE: self._gate_again}
        while True:
            await asyncio.sleep(self._pace.tick_s)
            self._conditions.set(HaltKind.ERRORS, BAN, self._banned())
            self._conditions.set(HaltKind.ERRORS, RATE, self._errors.words(loop.time()))
            for name, look in looks.items():
                if loop.time() - looked[name] >= self._every_s(name):
                    looked[name] = loop.time()
                    await self._look(look)

    def _every_s(self, name: str) -> float:
        """How long after the last look the next one is due."""
        pace, held = self._pace, self._conditions.holds
        if name == MAINTENANCE:
            return pace.maintenance_s
        if name == CLOCK:
            return pace.clock_off_s if held(HaltKind.CLOCK, CLOCK) else pace.clock_s
        if self._frozen:
            return pace.regate_s
        refused = held(HaltKind.ERRORS, KEY) or held(HaltKind.ERRORS, GATE)
        return pace.key_refused_s if refused else pace.gate_s

    def _banned(self) -> str:
        left_s = -(-self._gateway.ban_left_ms // 1000)
        return f"banned by the exchange for {left_s} s: nothing is sent, stops rest there" if left_s else ""

    @staticmethod
    async def _look(look: Callable[[], Awaitable[None]]) -> None:
        try:
            await look()
        except VenueUnavailable as error:
            log.info("could not look: %s", error)

    async def _maintenance(self) -> None:
        self._conditions.set(HaltKind.MAINTENANCE, MAINTENANCE, await self._gateway.dialect.maintenance())

    async def _clock(self) -> None:
        await self._gateway.measure_offset()

    async def _gate_again(self) -> None:
        await self.gate()

    def _clock_measured(self, offset_ms: int) -> None:
        off = abs(offset_ms) > LONGEST_OFFSET_MS
        reason = f"clock is off by {-offset_ms / 1000:+.1f} s, limit {LONGEST_OFFSET_MS / 1000:.0f} s"
        self._conditions.set(HaltKind.CLOCK, CLOCK, reason if off else "")

    def _answered(self, ask: Ask, answer: Answer) -> None:
        if ask.lane is Lane.PAST:  # nothing that is traded stands on it
            return
        self._errors.note(answer, asyncio.get_running_loop().time())
        if answer.verdict is Verdict.AUTH:
            self._conditions.begin(HaltKind.ERRORS, KEY, f"the key is not accepted ({answer.code})")

    def _halt(self, halts: Mapping[str, str]) -> None:
        for symbol in self._conditions.symbols(HaltKind.ERRORS, GATE):
            if symbol not in halts:
                self._conditions.end(HaltKind.ERRORS, GATE, symbol)
        for symbol, reason in halts.items():
            self._conditions.begin(HaltKind.ERRORS, GATE, reason, symbol)
