"""The start-up gate: what the key may do, how the account is set; read, set where it differs, read back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.instrument import Instrument
from bot.domain.market import DAY_MS
from bot.domain.modes import MarginMode, PositionMode
from bot.venues.bybit.errors import SAME_LEVERAGE
from bot.venues.bybit.news import News
from bot.venues.bybit.paging import ask_for, pages
from bot.venues.bybit.reading import Row
from bot.venues.bybit.words import LINEAR, QUOTE, leverage_of
from bot.venues.ccxt_venue.dialect import GateReport, Wish
from bot.venues.ccxt_venue.wire import Ask, Gateway, Lane
from bot.venues.outcome import Answer, Verdict
from bot.venues.port import VenueUnavailable

AT_ONCE = 8
PATIENCE_S = 1.0
EXPIRES_SOON_MS = 14 * DAY_MS
UNIFIED_FROM = 3  # 1 is the classic account; 3 to 6 are unified ones of several ages
MARGIN_MODES = {MarginMode.ISOLATED: "ISOLATED_MARGIN", MarginMode.CROSSED: "REGULAR_MARGIN"}
MODES = {PositionMode.ONE_WAY: 0, PositionMode.HEDGE: 3}
# rights by which money can leave the account
MOVES_MONEY = ("Withdraw", "AccountTransfer", "SubMemberTransfer", "SubMemberTransferList")
LANE = Lane.ENTRY


@dataclass(slots=True)
class Findings:
    """A report in the making."""

    refusals: list[str] = field(default_factory=list)
    halts: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)

    def report(self) -> GateReport:
        """What the gate found."""
        late = len(self.pending)
        pending = (
            f"leverage of {late} contracts is not set yet: Bybit allows ten changes a second" if late else ""
        )
        return GateReport(
            tuple(self.refusals), self.halts, tuple(self.changed), tuple(self.warnings), pending
        )


class Gate:
    """Looks at the account before the first order."""

    def __init__(self, gateway: Gateway, news: News, mode: PositionMode) -> None:
        self._gateway = gateway
        self._news = news
        self._mode = mode
        self._proven: dict[str, int] = {}

    async def look(self, wish: Wish, instruments: Mapping[str, Instrument]) -> GateReport:
        """Compare the account with the wish and set what differs. Raises VenueUnavailable."""
        found = Findings()
        await self._key(wish, found)
        if wish.position_mode is not self._mode:
            found.refusals.append(f"the desk speaks {self._mode} mode, the wish is {wish.position_mode}")
        if found.refusals:
            return found.report()  # nothing is changed on an account that is not going to be traded
        await self._margin_mode(wish, found)
        listed = [symbol for symbol in sorted(wish.leverage) if self._listed(symbol, instruments, found)]
        if listed and not found.refusals:
            await self._position_mode(listed[0], found)
        if not found.refusals:
            await self._leverages({symbol: wish.leverage[symbol] for symbol in listed}, found)
        return found.report()

    def _listed(self, symbol: str, instruments: Mapping[str, Instrument], found: Findings) -> bool:
        instrument = instruments.get(symbol)
        if instrument is None:
            found.halts[symbol] = "not listed at bybit"
        elif not instrument.tradable:
            found.halts[symbol] = "does not trade at bybit now"
        return instrument is not None

    # The key

    async def _key(self, wish: Wish, found: Findings) -> None:
        key = await ask_for(self._gateway, "privateGetV5UserQueryApi", {}, LANE)
        rights = key.part("permissions")
        if key.whole("readOnly") != 0:
            found.refusals.append("the key can only read")
        contract = set(rights.texts("ContractTrade"))
        if not ({"Order", "Position"} <= contract or "DerivativesTrade" in rights.texts("Derivatives")):
            found.refusals.append("the key may not trade contracts (rights Order and Position)")
        moves = [right for right in rights.texts("Wallet") if right in MOVES_MONEY]
        if moves:
            said = f"the key can move money ({', '.join(moves)}): make one that cannot"
            (found.refusals if wish.live else found.warnings).append(said)
        addresses = key.texts("ips")
        if not addresses or "*" in addresses:
            found.warnings.append(
                "the key is bound to no address: anybody who has it can use it from anywhere"
            )
        self._expiry(key, found)

    def _expiry(self, key: Row, found: Findings) -> None:
        left_ms = _expires_ms(key.text("expiredAt")) - self._gateway.now_ms
        if _expires_ms(key.text("expiredAt")) <= DAY_MS:
            return  # 1970 stands for never
        if left_ms <= 0:
            found.refusals.append("the key has expired")
        elif left_ms < EXPIRES_SOON_MS:
            found.warnings.append(f"the key expires in {left_ms // DAY_MS} days")

    # The account

    async def _margin_mode(self, wish: Wish, found: Findings) -> None:
        account = await ask_for(self._gateway, "privateGetV5AccountInfo", {}, LANE)
        if account.whole("unifiedMarginStatus") < UNIFIED_FROM:
            found.refusals.append("the account is not a unified one")
            return
        wanted = MARGIN_MODES[wish.margin_mode]
        if account.text("marginMode") == wanted:
            return
        answer = await self._set("privatePostV5AccountSetMarginMode", {"setMarginMode": wanted})
        account = await ask_for(self._gateway, "privateGetV5AccountInfo", {}, LANE)
        if account.text("marginMode") == wanted:
            found.changed.append(f"margin mode of the account is now {wish.margin_mode}")
        else:
            why = answer.code or "no reason given"
            found.refusals.append(
                f"margin mode is {account.text('marginMode')}, not {wanted}, and could not be set ({why})"
            )

    async def _position_mode(self, symbol: str, found: Findings) -> None:
        """The mode is set for all USDT contracts at once, and read back by the legs of one of them."""
        if await self._mode_of(symbol) is self._mode:
            return
        params = {"category": LINEAR, "coin": QUOTE, "mode": MODES[self._mode]}
        answer = await self._set("privatePostV5PositionSwitchMode", params)
        if await self._mode_of(symbol) is self._mode:
            found.changed.append(f"position mode of {QUOTE} contracts is now {self._mode}")
        else:
            why = answer.code or "no reason given"
            found.refusals.append(
                f"position mode is not {self._mode} and could not be set ({why}): close positions and orders first"
            )

    async def _mode_of(self, symbol: str) -> PositionMode:
        legs = await self._legs(symbol)
        hedged = any(row.whole("positionIdx") in (1, 2) for row in legs)
        return PositionMode.HEDGE if hedged else PositionMode.ONE_WAY

    async def _legs(self, symbol: str) -> list[Row]:
        params = {"category": LINEAR, "symbol": symbol}
        return await pages(self._gateway, "privateGetV5PositionList", params, LANE)

    # Leverage

    async def _leverages(self, wished: Mapping[str, int], found: Findings) -> None:
        """Hundreds of changes take longer than a start may: what is not done in time is done by the next look."""
        room, clock = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop().time
        until = clock() + PATIENCE_S

        async def one(symbol: str, leverage: int) -> None:
            async with room:
                if clock() < until:
                    await self._leverage(symbol, leverage, found)
                else:
                    found.pending.append(symbol)

        async with asyncio.TaskGroup() as group:
            for symbol, leverage in wished.items():
                if self._proven.get(symbol) != leverage:
                    group.create_task(one(symbol, leverage))
        if not found.pending:
            self._proven.clear()  # a look after a finished one begins anew

    async def _leverage(self, symbol: str, leverage: int, found: Findings) -> None:
        try:
            if await self._has(symbol, leverage):
                self._proven[symbol] = leverage
                return
            answer = await self.set_leverage(symbol, leverage)
            if await self._has(symbol, leverage):
                self._proven[symbol] = leverage
                found.changed.append(f"leverage of {symbol} is now {leverage}")
            else:
                why = answer.code or "no reason given"
                found.halts[symbol] = f"leverage could not be set to {leverage} ({why})"
        except VenueUnavailable as error:
            found.halts[symbol] = f"leverage could not be read ({error})"

    async def set_leverage(self, symbol: str, leverage: int) -> Answer:
        """Ask for a leverage of both sides."""
        before = self._news.leverage_of(symbol)
        self._news.leverage_known(symbol, leverage)  # its frame may come before the answer
        params = {
            "category": LINEAR,
            "symbol": symbol,
            "buyLeverage": str(leverage),
            "sellLeverage": str(leverage),
        }
        answer = await self._set("privatePostV5PositionSetLeverage", params)
        if answer.verdict is Verdict.BENIGN and answer.code not in SAME_LEVERAGE:
            answer = replace(
                answer, verdict=Verdict.UNKNOWN
            )  # some other setting is so already: no word about this
        if not answer.good:
            self._news.leverage_known(symbol, before)
        return answer

    async def _has(self, symbol: str, leverage: int) -> bool:
        legs = await self._legs(symbol)
        if not legs:
            return False
        self._news.leverage_known(symbol, leverage_of(legs[0]))
        return all(row.number("leverage") == leverage for row in legs)

    async def _set(self, method: str, params: Mapping[str, object]) -> Answer:
        return await self._gateway.ask(Ask(method, params, LANE, changes=True))


def _expires_ms(said: str) -> int:
    """A time as Bybit writes it (`2026-03-01T00:00:00Z`), in ms; zero when it cannot be read."""
    try:
        return int(datetime.fromisoformat(said).timestamp() * 1000) if said.endswith("Z") else 0
    except (ValueError, OverflowError):
        return 0
