"""One call: its parameters, read the way Bybit reads them, and what all calls share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

import orjson

from bot.domain.instrument import Instrument
from sandbox.exchange.bybit.keeping import Memory, Notes
from sandbox.exchange.bybit.problems import Problem, bad
from sandbox.exchange.bybit.words import CATEGORY, COIN, LEGS
from sandbox.exchange.core import Exchange, ExchangeAccount
from sandbox.exchange.nouns import Leg
from sandbox.exchange.wire import Request

DECIMAL = re.compile(r"([0-9]{1,20})(\.[0-9]{0,20})?")
WHOLE = re.compile(r"[0-9]{1,19}")
LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
ELSEWHERE = frozenset({"inverse", "spot", "option"})
WEEK_MS = 7 * 86_400_000
DAY_MS = 86_400_000

type Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Floor:
    """What all calls share: the exchange and what this protocol keeps beside it."""

    exchange: Exchange
    memory: Memory

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.exchange.now_ms


def parameters_of(request: Request) -> Parameters:
    """Query of a GET, JSON body of a POST. Raises Problem 10001 for a body that is no JSON object."""
    if request.method == "GET":
        return dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        body = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError:
        raise bad("Request parameter error.") from None
    if not isinstance(body, dict):
        raise bad("Request parameter error.")
    return body


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `owner` is whose key it carries; None for public calls."""

    floor: Floor
    parameters: Parameters
    owner: ExchangeAccount | None = None

    @property
    def exchange(self) -> Exchange:
        """The exchange."""
        return self.floor.exchange

    @property
    def account(self) -> ExchangeAccount:
        """The account of a call that carries a key. Raises Problem 10003 without one."""
        if self.owner is None:
            raise Problem(10003)
        return self.owner

    @property
    def notes(self) -> Notes:
        """What is remembered of the account."""
        return self.floor.memory.of(self.account.name)

    # Texts

    def text(self, name: str, default: str = "") -> str:
        """A text; null and absent are the default."""
        value = self.parameters.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise bad(f"params error: {name} invalid")
        return value

    def needed(self, name: str) -> str:
        """A mandatory text."""
        value = self.text(name)
        if not value:
            raise bad(f"params error: {name} can't be empty")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of several words; `default` None: mandatory."""
        value = self.needed(name) if default is None else (self.text(name) or default)
        if value not in allowed:
            raise bad(f"{name} invalid")
        return value

    def flag(self, name: str) -> bool:
        """A JSON boolean, or its text."""
        value = self.parameters.get(name, False)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return bool(value)
        raise bad(f"params error: {name} invalid")

    def link_id(self) -> str:
        """The client's own order id, empty when none is given."""
        value = self.text("orderLinkId")
        if value and not LINK_ID.fullmatch(value):
            raise bad("OrderLinkedID invalid")
        return value

    # Figures

    def figure(self, name: str) -> Decimal | None:
        """A decimal, sent as text in plain digits; None when absent or empty."""
        value = self.text(name)
        if not value:
            return None
        if not DECIMAL.fullmatch(value):
            raise bad(f"{name} invalid")
        return Decimal(value)

    def needed_figure(self, name: str) -> Decimal:
        """A mandatory decimal."""
        value = self.figure(name)
        if value is None:
            raise bad(f"params error: {name} can't be empty")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, as number or as text; None when absent."""
        value = self.parameters.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and WHOLE.fullmatch(value):
            return int(value)
        raise bad(f"params error: {name} invalid")

    def limit(self, default: int, most: int) -> int:
        """How many rows: the default when absent, at most `most`."""
        value = self.whole("limit")
        if value is None:
            return default
        return max(1, min(value, most))

    # Subjects

    def elsewhere(self) -> str:
        """The category asked for, when it is one of which there is nothing here; else empty."""
        category = self.needed("category")
        return category if category in ELSEWHERE else ""

    def category(self) -> None:
        """Only linear contracts are here."""
        if self.needed("category") != CATEGORY:
            raise bad("category only support linear")

    def contract(self, name: str) -> Instrument:
        """The contract of that name. Raises Problem 10001 for an unknown one."""
        found = self.exchange.instruments.get(name)
        if found is None:
            raise bad(f"symbol invalid {name}".strip())
        return found

    def instrument(self) -> Instrument:
        """The contract of the mandatory parameter `symbol`."""
        return self.contract(self.needed("symbol"))

    def optional_symbol(self) -> str:
        """The symbol asked for, empty for all."""
        name = self.text("symbol")
        return self.contract(name).symbol if name else ""

    def scope(self) -> list[str]:
        """The symbols meant by symbol, baseCoin or settleCoin, in that priority. Raises Problem 10001 without any."""
        symbol, base, coin = self.optional_symbol(), self.text("baseCoin"), self.text("settleCoin")
        if symbol:
            return [symbol]
        if not base and not coin:
            raise bad("params error: symbol, settleCoin or baseCoin is required")
        found = self.exchange.instruments.values()
        return [one.symbol for one in found if (one.base == base if base else one.quote == coin)]

    def leg(self) -> Leg:
        """The position meant by positionIdx."""
        number = self.whole("positionIdx") or 0
        if number not in LEGS:
            raise bad("position idx not match position mode")
        return LEGS[number]

    def span(self, default_ms: int = WEEK_MS, most_ms: int = WEEK_MS) -> tuple[int, int]:
        """`startTime` and `endTime`; without them the last `default_ms`."""
        start, end = self.whole("startTime"), self.whole("endTime")
        now = self.floor.now_ms
        if start is None and end is None:
            return now - default_ms, now
        if start is None:
            return (end or now) - default_ms, end or now
        if end is None:
            return start, start + default_ms
        if start > end:
            raise bad("The start time must be earlier than the end time")
        if end - start > most_ms:
            raise bad(f"The time range between startTime and endTime cannot exceed {most_ms // DAY_MS} days")
        return start, end

    def page[Row](self, rows: Sequence[Row], default: int, most: int) -> tuple[list[Row], str]:
        """One page of rows that are in ascending order, newest first, and the cursor of the next page.

        A cursor counts from the oldest row, so that new rows do not shift the pages that follow.
        """
        limit, cursor = self.limit(default, most), self.text("cursor")
        left = len(rows)
        if cursor:
            digits = cursor.removeprefix("page_token%3D").removeprefix("page_token=").removesuffix("%26")
            if not WHOLE.fullmatch(digits.removesuffix("&")):
                raise bad("cursor invalid")
            left = min(left, int(digits.removesuffix("&")))
        first = max(0, left - limit)
        return list(rows[first:left])[::-1], f"page_token%3D{first}%26" if first else ""


def settle_coin(call: Call) -> str:
    """The coin asked for; there is one."""
    return call.text("settleCoin") or call.text("coin") or COIN
