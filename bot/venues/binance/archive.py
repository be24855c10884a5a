"""Binance's past besides candles: funding rates back to the start, open interest and account ratios of a month."""

from collections.abc import Mapping

from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from bot.venues.binance.orders import code_of
from bot.venues.binance.reading import Row, moment, number, rows
from bot.venues.ccxt_venue.wire import Ask, Environment, Gateway, Lane
from bot.venues.history import FUNDING, LS_RATIO, LS_RATIO_TOP, OPEN_INTEREST, PERIOD, PERIOD_MS, Page, Reach
from bot.venues.port import VenueUnavailable

FUNDING_METHOD = "fapiPublicGetFundingRate"
OPEN_INTEREST_METHOD = "fapiDataGetOpenInterestHist"
RATIO_METHOD = "fapiDataGetGlobalLongShortAccountRatio"
TOP_RATIO_METHOD = "fapiDataGetTopLongShortAccountRatio"
PER_SECOND: Mapping[str, int] = {
    FUNDING_METHOD: 2,
    OPEN_INTEREST_METHOD: 1,
    RATIO_METHOD: 1,
    TOP_RATIO_METHOD: 1,
}
"""500 questions in five minutes for funding, 1,000 for the three statistics together."""

FUNDING_PAGE, STATISTICS_PAGE = 1_000, 500
MONTH_MS = 30 * DAY_MS - HOUR_MS
"""Documented are 30 days; a start older by a moment is refused."""


class BinanceArchive:
    """Questions about the past. The demo has no statistics."""

    def __init__(self, gateway: Gateway, environment: Environment) -> None:
        self._gateway = gateway
        self._statistics = environment is not Environment.TESTNET

    def reach(self, kind: str) -> Reach | None:
        """How far answers go; settlements are at most every hour, mostly every eight."""
        if kind == FUNDING:
            return Reach((FUNDING_PAGE - 1) * 8 * HOUR_MS)
        return Reach((STATISTICS_PAGE - 2) * PERIOD_MS, MONTH_MS) if self._statistics else None

    async def figures(self, kind: str, symbol: str, from_ms: int, to_ms: int) -> Page:
        """Figures of a span."""
        span = {"symbol": symbol, "startTime": str(from_ms), "endTime": str(to_ms - 1)}
        if kind == FUNDING:
            ask = Ask(FUNDING_METHOD, {**span, "limit": str(FUNDING_PAGE)}, Lane.PAST)
            return await self._page(kind, ask, "fundingTime", "fundingRate", (from_ms, to_ms), FUNDING_PAGE)
        method, field = {
            OPEN_INTEREST: (OPEN_INTEREST_METHOD, "sumOpenInterest"),
            LS_RATIO: (RATIO_METHOD, "longShortRatio"),
            LS_RATIO_TOP: (TOP_RATIO_METHOD, "longShortRatio"),
        }[kind]
        # A period is told under its end: that of the first lies before the span.
        more = {"startTime": str(from_ms - PERIOD_MS), "period": PERIOD, "limit": str(STATISTICS_PAGE)}
        ask = Ask(method, {**span, **more}, Lane.PAST, weight=0)
        return await self._page(kind, ask, "timestamp", field, (from_ms, to_ms), STATISTICS_PAGE)

    async def _page(
        self, kind: str, ask: Ask, time: str, field: str, span: tuple[int, int], most: int
    ) -> Page:
        answer = await self._gateway.ask(ask)
        if not answer.good:
            raise VenueUnavailable(f"{kind}: {code_of(answer)}")
        if not isinstance(answer.body, list):
            raise VenueUnavailable(f"{kind}: garbage")
        told = [_figure(kind, one, time, field) for one in rows(answer.body)]
        if len(told) != len(answer.body):
            raise VenueUnavailable(f"{kind}: garbage")
        inside = {at_ms: value for at_ms, value in told if span[0] <= at_ms < span[1]}
        return Page(tuple(sorted(inside.items())), whole=len(told) < most)


def _figure(kind: str, one: Row, time: str, field: str) -> tuple[int, float]:
    at_ms, value = moment(one, time), number(one, field)
    if at_ms is None or value is None:
        raise VenueUnavailable(f"{kind}: garbage")
    # Settlements are told some milliseconds late.
    return (at_ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS, value
