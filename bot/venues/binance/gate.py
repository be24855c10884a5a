"""How the account must be set before the first order: read, set where it differs, read back, told as a report."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.market import DAY_MS
from bot.venues.binance import asks
from bot.venues.binance.orders import code_of
from bot.venues.binance.reading import Row, moment, row, rows, text, truth, whole
from bot.venues.binance.trades import Past
from bot.venues.ccxt_venue.dialect import GateReport, MarginMode, PositionMode, Wish
from bot.venues.ccxt_venue.wire import Ask, Gateway
from bot.venues.outcome import Answer, Verdict
from bot.venues.port import VenueUnavailable

AT_ONCE = 4  # symbols that are set at the same time
EXPIRES_SOON_MS = 14 * DAY_MS


@dataclass(slots=True)
class _Findings:
    """What is being found."""

    refusals: list[str] = field(default_factory=list)
    halts: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def report(self) -> GateReport:
        return GateReport(tuple(self.refusals), dict(self.halts), tuple(self.changed), tuple(self.warnings))


class KeyRefused(Exception):
    """The venue does not take the key."""


class Gate:
    """The start-up gate. Raises VenueUnavailable when the account cannot be read."""

    def __init__(self, gateway: Gateway, past: Past) -> None:
        """`past` reads lists."""
        self._gateway = gateway
        self._past = past

    async def check(self, wish: Wish, *, key_rights: bool = True) -> GateReport:
        """Bring the account to the wish. `key_rights` False where the venue cannot be asked for them (testnet)."""
        found = _Findings()
        try:
            if key_rights:
                await self._key(wish, found)
            await self._position_mode(wish, found)
            await self._multi_assets(found)
        except KeyRefused as refused:
            found.refusals.append(f"the exchange does not accept the API key ({refused})")
        if not found.refusals:
            await self._symbols(wish, found)
            await self._statuses(wish, found)
        return found.report()

    # The key

    async def _key(self, wish: Wish, found: _Findings) -> None:
        answer = await self._gateway.ask(asks.KEY_RIGHTS)
        rights = row(answer.body) if answer.good else {}
        if "enableFutures" not in rights:
            self._unread(wish, found, answer)
            return
        if not truth(rights, "enableFutures"):
            found.refusals.append("the API key has no right to trade futures")
        if truth(rights, "enableWithdrawals"):
            words = "the API key has the right to withdraw"
            if wish.live:
                found.refusals.append(f"{words}: take it away at the exchange")
            else:
                found.warnings.append(words)
        if truth(rights, "enableInternalTransfer") or truth(rights, "permitsUniversalTransfer"):
            found.warnings.append("the API key may transfer money between accounts")
        if not truth(rights, "ipRestrict"):
            found.warnings.append("the API key is not bound to an IP address")
        self._expiry(rights, found)

    def _unread(self, wish: Wish, found: _Findings, answer: Answer) -> None:
        if answer.verdict is Verdict.AUTH:
            raise KeyRefused(code_of(answer))
        words = (
            f"the rights of the API key could not be read ({'garbage' if answer.good else code_of(answer)})"
        )
        (found.refusals if wish.live else found.warnings).append(words)

    def _expiry(self, rights: Row, found: _Findings) -> None:
        ends_ms = moment(rights, "tradingAuthorityExpirationTime")
        if ends_ms is not None and ends_ms - self._gateway.now_ms < EXPIRES_SOON_MS:
            days = max(0, (ends_ms - self._gateway.now_ms) // DAY_MS)
            found.warnings.append(f"the API key's right to trade ends in {days} days")

    # The account

    async def _position_mode(self, wish: Wish, found: _Findings) -> None:
        hedge = wish.position_mode is PositionMode.HEDGE
        if await self._flag("position mode", asks.POSITION_MODE, "dualSidePosition") is hedge:
            return
        answer = await self._gateway.ask(asks.set_position_mode(hedge=hedge))
        now = await self._flag("position mode", asks.POSITION_MODE, "dualSidePosition")
        wanted = "hedge" if hedge else "one-way"
        if now is hedge:
            found.changed.append(f"position mode set to {wanted}")
        else:
            found.refusals.append(
                f"the account's position mode cannot be set to {wanted} ({code_of(answer)})"
            )

    async def _multi_assets(self, found: _Findings) -> None:
        """Shared margin over several assets excludes isolated positions, and our sums are in USDT."""
        if not await self._flag("multi-assets mode", asks.MULTI_ASSETS, "multiAssetsMargin"):
            return
        answer = await self._gateway.ask(asks.set_multi_assets(multi=False))
        if await self._flag("multi-assets mode", asks.MULTI_ASSETS, "multiAssetsMargin"):
            found.refusals.append(f"multi-assets mode is on and cannot be switched off ({code_of(answer)})")
        else:
            found.changed.append("multi-assets mode switched off")

    async def _flag(self, what: str, ask: Ask, key: str) -> bool:
        answer = await self._gateway.ask(ask)
        if answer.verdict is Verdict.AUTH:
            raise KeyRefused(code_of(answer))
        body = row(answer.body)
        if not answer.good or key not in body:
            raise VenueUnavailable(f"{what}: {'garbage' if answer.good else code_of(answer)}")
        return truth(body, key)

    # The symbols

    async def _symbols(self, wish: Wish, found: _Findings) -> None:
        config = await self._config()
        wrong = {
            symbol: row
            for symbol in wish.leverage
            if (row := config.get(symbol)) is None or _off(row, symbol, wish)
        }
        if not wrong:
            return
        room = asyncio.Semaphore(AT_ONCE)
        known = [symbol for symbol, seen in wrong.items() if seen is not None]
        codes = dict(
            await asyncio.gather(*(self._set(symbol, config[symbol], wish, room) for symbol in known))
        )
        after = await self._config() if known else config
        for symbol in wrong:
            self._judge(symbol, after.get(symbol), wish, codes.get(symbol, ""), found)

    async def _config(self) -> Mapping[str, Row]:
        return {text(one, "symbol"): one for one in await self._past.rows("settings", asks.SYMBOL_CONFIG)}

    async def _set(self, symbol: str, seen: Row, wish: Wish, room: asyncio.Semaphore) -> tuple[str, str]:
        """Margin type first: leverage of an isolated position has rules of its own. Returns the last complaint."""
        complaint = ""
        async with room:
            if text(seen, "marginType").upper() != _margin_word(wish):
                answer = await self._gateway.ask(asks.set_margin_type(symbol, _margin_word(wish)))
                complaint = "" if answer.good else code_of(answer)
            if whole(seen, "leverage") != wish.leverage[symbol]:
                answer = await self._gateway.ask(asks.set_leverage(symbol, wish.leverage[symbol]))
                complaint = complaint if answer.good else code_of(answer)
        return symbol, complaint

    def _judge(self, symbol: str, now: Row | None, wish: Wish, complaint: str, found: _Findings) -> None:
        if now is None:
            found.halts[symbol] = "the exchange does not know it"
            return
        off = _off(now, symbol, wish)
        if off:
            found.halts[symbol] = f"{off} ({complaint})" if complaint else off
        else:
            found.changed.append(f"{symbol}: {_margin_word(wish).lower()}, leverage {wish.leverage[symbol]}")

    async def _statuses(self, wish: Wish, found: _Findings) -> None:
        answer = await self._gateway.ask(asks.EXCHANGE_INFO)
        symbols = rows(row(answer.body).get("symbols")) if answer.good else ()
        if not symbols:
            raise VenueUnavailable(f"contracts: {'garbage' if answer.good else code_of(answer)}")
        statuses = {text(one, "symbol"): text(one, "status") for one in symbols}
        for symbol in wish.leverage:
            status = statuses.get(symbol, "")
            if status != "TRADING" and symbol not in found.halts:
                found.halts[symbol] = f"not trading ({status or 'not listed'})"


def _margin_word(wish: Wish) -> str:
    return "ISOLATED" if wish.margin_mode is MarginMode.ISOLATED else "CROSSED"


def _off(seen: Row, symbol: str, wish: Wish) -> str:
    """What differs from the wish, in words; empty when nothing does."""
    wanted, now = wish.leverage[symbol], whole(seen, "leverage")
    margin = text(seen, "marginType").upper()
    differs = []
    if margin != _margin_word(wish):
        differs.append(f"margin type {margin.lower() or 'unknown'} instead of {_margin_word(wish).lower()}")
    if now != wanted:
        differs.append(f"leverage {now} instead of {wanted}")
    return ", ".join(differs)
