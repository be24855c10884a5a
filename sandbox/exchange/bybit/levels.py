"""A made-up depth: one level per tick from bid down and from ask up, sizes growing outwards."""

from decimal import Decimal

from sandbox.exchange.bybit.words import plain
from sandbox.exchange.nouns import MarketView

type Levels = dict[str, str]


def book_levels(view: MarketView, tick: Decimal, depth: int) -> tuple[Levels, Levels]:
    """Bids descending, asks ascending: price -> size."""
    bids, asks = {}, {}
    for level in range(depth):
        price = view.bid - tick * level
        if price <= 0:
            break
        bids[plain(price)] = plain(view.bid_size * (level + 1))
    for level in range(depth):
        asks[plain(view.ask + tick * level)] = plain(view.ask_size * (level + 1))
    return bids, asks


def changes(old: Levels, new: Levels) -> list[list[str]]:
    """What turns the old levels into the new ones: new sizes, zero for levels that are gone."""
    gone = [[price, "0"] for price in old if price not in new]
    return gone + [[price, size] for price, size in new.items() if old.get(price) != size]
