"""A process that commits as fast as it can and tells how far it got, until it is killed: arguments URL and FIRST."""

import asyncio
import sys
from decimal import Decimal

from bot.domain.account import Book, transfer
from bot.domain.action import RecordDay, RecordEntry, RecordFill, RecordPosition, Submit
from bot.domain.event import Filled
from bot.domain.fill import Fill
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.position import Position
from bot.domain.snapshot import DayFigures
from bot.runtime.ports import Step
from storage.database import open_database

ACCOUNT = "binance:paper:main"
BASE = 1_700_000_000_000


def step(number: int) -> Step:
    """One fill of one unit: after step n the position is n, the wallet n, the day's trades n, and n orders wait."""
    one, side = Decimal(1), OrderSide.BUY
    fill = Fill(f"t{number}", "BTCUSDT", side, one, one, Decimal(0), BASE + number)
    intent = Intent("BTCUSDT", side, Purpose.ENTRY, OrderType.MARKET, one, f"d{number}")
    return Step(
        number,
        Filled(BASE + number, fill),
        (
            RecordFill(fill),
            RecordEntry(transfer(BASE + number, "fill", "BTCUSDT", fill.trade_id, Book.REALISED, one)),
            RecordPosition(Position("BTCUSDT", Decimal(number), one), None),
            RecordDay(BASE + number, DayFigures(trades=number)),
            Submit(
                Order(f"qd-{number}", intent, "entry", OrderStatus.INTENDED, BASE + number, BASE + number)
            ),
        ),
    )


async def main(url: str, first: int) -> None:
    """Commit steps in batches of one to seven; each number that is durable is told on a line of its own."""
    database = await open_database(url)
    ledger = database.ledger(ACCOUNT)
    while True:
        size = 1 + first % 7
        await ledger.commit([step(number) for number in range(first, first + size)])
        first += size
        sys.stdout.write(f"{first - 1}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
