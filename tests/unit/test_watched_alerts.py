"""Symbols with price alerts are streamed: told when they change, and only then."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from virtual_loop import virtually

from bot.domain.alert import Alert
from cli.watching import keep_watched


def alert(number: int, symbol: str) -> Alert:
    return Alert(number, symbol, True, Decimal(100), "telegram:1", 0)


@virtually
async def test_what_has_alerts_is_watched_until_it_has_none() -> None:
    alerts: list[Alert] = []
    told: list[Sequence[str]] = []
    task = asyncio.create_task(keep_watched(lambda: alerts, told.append, look_s=0.001))
    try:
        for now in ([], [alert(1, "BBB")], [alert(1, "BBB"), alert(2, "AAA"), alert(3, "AAA")], []):
            alerts[:] = now
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
    assert told == [["BBB"], ["AAA", "BBB"], []]
