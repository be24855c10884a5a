"""One call: its parameters, read the way Binance reads them, and what all calls share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import parse_qsl

from bot.domain.instrument import Instrument
from sandbox.exchange.binance.keeping import Keeping
from sandbox.exchange.binance.problems import Problem, bad_value, illegal, missing, unread
from sandbox.exchange.core import Exchange, ExchangeAccount
from sandbox.exchange.wire import Request

DECIMAL = re.compile(r"([0-9]{1,20})(\.[0-9]{1,20})?")
WHOLE = re.compile(r"-?[0-9]{1,19}")
COMMON = frozenset({"timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"})
"""Parameters of the transport, known to every call."""
WEEK_MS = 7 * 86_400_000
FAR_MS = 1 << 60
"""The end of a span that has none: our clock may be set wrong, and what just happened belongs to it."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What all calls share: the exchange and what this protocol keeps beside it."""

    exchange: Exchange
    keeping: Keeping

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self.exchange.now_ms


def parameters_of(request: Request) -> dict[str, str]:
    """Parameters of query and form body, whatever the method. Raises Problem -1101 for one sent twice."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    pairs += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem(-1101)
    return found


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `owner` is whose key it carries; None for public calls."""

    floor: Floor
    parameters: Mapping[str, str]
    owner: ExchangeAccount | None = None

    @property
    def exchange(self) -> Exchange:
        """The exchange."""
        return self.floor.exchange

    @property
    def account(self) -> ExchangeAccount:
        """The account of a call that carries a key. Raises Problem -2015 without one."""
        if self.owner is None:
            raise Problem(-2015)
        return self.owner

    def with_parameters(self, parameters: Mapping[str, str]) -> "Call":
        """The same caller asking for something else."""
        return replace(self, parameters=parameters)

    def only(self, known: frozenset[str]) -> None:
        """Refuse parameters that this call does not know (-1104)."""
        sent = [name for name in self.parameters if name not in COMMON]
        read = sum(name in known for name in sent)
        if read != len(sent):
            raise unread(read, len(sent))

    # Texts

    def has(self, name: str) -> bool:
        """True when it was sent."""
        return name in self.parameters

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.parameters.get(name, "")
        if not value:
            raise missing(name)
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str | None, code: int = -1130) -> str:
        """One of several words; `default` None: mandatory."""
        if default is not None and not self.has(name):
            return default
        value = self.text(name)
        if value not in allowed:
            raise bad_value(name) if code == -1130 else Problem(code)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`, in any case of letters."""
        value = self.parameters.get(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise bad_value(name)
        return value.lower() == "true"

    # Figures

    def figure(self, name: str) -> Decimal | None:
        """A decimal in plain digits; None when not sent. No exponents, no signs."""
        value = self.parameters.get(name)
        if value is None:
            return None
        if not value:
            raise Problem(-1105, f"Parameter '{name.lower()}' was empty.")
        if not DECIMAL.fullmatch(value):
            raise illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        return Decimal(value)

    def needed_figure(self, name: str) -> Decimal:
        """A mandatory decimal."""
        value = self.figure(name)
        if value is None:
            raise missing(name)
        return value

    def whole(self, name: str) -> int | None:
        """A whole number; None when not sent."""
        value = self.parameters.get(name)
        if value is None:
            return None
        if not WHOLE.fullmatch(value):
            raise illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """How many rows, 1 to `most`."""
        value = self.whole("limit")
        if value is None:
            return default
        if value < 1:
            raise bad_value("limit")
        return min(value, most)

    # Subjects

    def instrument(self) -> Instrument:
        """The contract of the mandatory parameter `symbol`. Raises Problem -1121 for an unknown one."""
        return self.contract(self.text("symbol"))

    def contract(self, name: str) -> Instrument:
        """The contract of that name. Raises Problem -1121 for an unknown one."""
        found = self.exchange.instruments.get(name.upper())
        if found is None:
            raise Problem(-1121)
        return found

    def symbol(self) -> str:
        """The mandatory symbol, known."""
        return self.instrument().symbol

    def symbols(self) -> list[str]:
        """The symbol asked for, or all of them."""
        return [self.symbol()] if self.has("symbol") else list(self.exchange.instruments)

    def optional_symbol(self) -> str:
        """The symbol asked for, empty for all."""
        return self.symbol() if self.has("symbol") else ""

    def span(self, most_ms: int = WEEK_MS) -> tuple[int, int]:
        """`startTime` and `endTime`; without them the last `most_ms`. Raises Problem -1023, -1127."""
        start, end = self.whole("startTime"), self.whole("endTime")
        if start is None:
            last, end = (self.floor.now_ms, FAR_MS) if end is None else (end, end)
            return last - most_ms, end
        if end is None:
            return start, start + most_ms
        if start > end:
            raise Problem(-1023)
        if end - start > most_ms:
            raise Problem(-1127, f"More than {most_ms // 3_600_000} hours between startTime and endTime.")
        return start, end
