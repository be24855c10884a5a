"""Bybit's past besides candles: funding rates, open interest and account ratios, newest first."""

from bot.domain.market import HOUR_MS, MINUTE_MS
from bot.venues.bybit.paging import ask_for, trouble
from bot.venues.bybit.reading import Row
from bot.venues.bybit.words import LINEAR
from bot.venues.ccxt_venue.wire import Environment, Gateway, Lane
from bot.venues.history import FUNDING, LS_RATIO_TOP, OPEN_INTEREST, PERIOD_MS, Page, Reach
from bot.venues.port import VenueUnavailable

FUNDING_METHOD = "publicGetV5MarketFundingHistory"
OPEN_INTEREST_METHOD = "publicGetV5MarketOpenInterest"
RATIO_METHOD = "publicGetV5MarketAccountRatio"
PERIOD = "15min"
MOST = {FUNDING: 200, OPEN_INTEREST: 200}
MOST_RATIOS = 500


class BybitArchive:
    """Questions about the past; all of them go back to the start."""

    def __init__(self, gateway: Gateway, environment: Environment) -> None:
        """The same in every environment."""
        self._gateway = gateway

    def reach(self, kind: str) -> Reach | None:
        """How far answers go; ratios are of all accounts only."""
        if kind == LS_RATIO_TOP:
            return None
        most = MOST.get(kind, MOST_RATIOS)
        return Reach((most - 1) * (8 * HOUR_MS if kind == FUNDING else PERIOD_MS))

    async def figures(self, kind: str, symbol: str, from_ms: int, to_ms: int) -> Page:
        """Figures of a span."""
        most = MOST.get(kind, MOST_RATIOS)
        params: dict[str, object] = {
            "category": LINEAR,
            "symbol": symbol,
            "startTime": str(from_ms),
            "endTime": str(to_ms - 1),
            "limit": str(most),
        }
        if kind == FUNDING:
            method = FUNDING_METHOD
        elif kind == OPEN_INTEREST:
            method, params = OPEN_INTEREST_METHOD, {**params, "intervalTime": PERIOD}
        else:
            method, params = RATIO_METHOD, {**params, "period": PERIOD}
        found = await ask_for(self._gateway, method, params, Lane.PAST)
        listed = found.fields.get("list")
        told = found.rows("list")
        if not isinstance(listed, list) or len(told) != len(listed):
            raise VenueUnavailable(trouble(method, "garbage"))
        figures = [_figure(method, kind, row) for row in told]
        inside = {at_ms: value for at_ms, value in figures if from_ms <= at_ms < to_ms}
        return Page(tuple(sorted(inside.items())), whole=len(told) < most)


def _figure(method: str, kind: str, row: Row) -> tuple[int, float]:
    at_ms = row.ms("fundingRateTimestamp" if kind == FUNDING else "timestamp")
    value = _value(kind, row)
    if not at_ms or value is None:
        raise VenueUnavailable(trouble(method, "garbage"))
    return (at_ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS, value


def _value(kind: str, row: Row) -> float | None:
    if kind in MOST:
        value = row.number("fundingRate" if kind == FUNDING else "openInterest")
        return None if value is None else float(value)
    buyers, sellers = row.number("buyRatio"), row.number("sellRatio")
    return None if buyers is None or not sellers else float(buyers / sellers)
