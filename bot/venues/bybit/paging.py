"""Asking Bybit: one answer, or a list that comes in pages. What could not be answered raises VenueUnavailable."""

from collections.abc import Mapping

from bot.venues.bybit.reading import Row, result
from bot.venues.ccxt_venue.wire import Ask, Gateway, Lane
from bot.venues.outcome import Verdict
from bot.venues.port import VenueUnavailable

MOST_PAGES = 500


async def ask_for(gateway: Gateway, method: str, params: Mapping[str, object], lane: Lane = Lane.DATA) -> Row:
    """What one question's envelope holds."""
    answer = await gateway.ask(Ask(method, params, lane))
    if answer.verdict is Verdict.AUTH:
        raise VenueUnavailable(f"the exchange does not accept the API key ({answer.code})")
    if not answer.good:
        raise VenueUnavailable(trouble(method, answer.code or str(answer.status)))
    return result(answer.body)


async def pages(
    gateway: Gateway, method: str, params: Mapping[str, object], lane: Lane = Lane.DATA
) -> list[Row]:
    """The rows of a list, page after page, in the order in which they come."""
    found: list[Row] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        page = await ask_for(gateway, method, params if not cursor else {**params, "cursor": cursor}, lane)
        found += page.rows("list")
        following = page.fields.get("nextPageCursor")
        if not isinstance(following, str) or following in ("", cursor) or not page.rows("list"):
            return found
        cursor = following
    raise VenueUnavailable(trouble(method, "too many pages"))


def trouble(method: str, code: str) -> str:
    """A short line for an operator: which question, which code."""
    name = method.removeprefix("privateGetV5").removeprefix("publicGetV5").removeprefix("privatePostV5")
    return f"bybit {name}: {code}"
