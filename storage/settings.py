"""Run-time settings as they are now: what the engine recorded under which key, read back as its own types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select

from bot.domain.errors import StorageError
from bot.domain.guard import Limits, Sizing, TradingState
from bot.runtime.codec import decode, decode_value
from storage.batch import TRADING
from storage.schema import SettingRow

type Value = int | float | bool | str

KEPT = ("alerts", "clusters", "flattens", "ignored:", "leverage:", "model:", "placings")


@dataclass(frozen=True, slots=True)
class Settings:
    """Present settings, JSON text by key."""

    values: Mapping[str, str]

    @property
    def trading(self) -> TradingState:
        """The trading state; ACTIVE before the first."""
        return TradingState(self._read(TRADING, str) or TradingState.ACTIVE)

    @property
    def sizing(self) -> Sizing | None:
        """Sizing as changed at run time."""
        return self._read("sizing", Sizing)

    @property
    def limits(self) -> Limits | None:
        """Limits as changed at run time."""
        return self._read("limits", Limits)

    def amount(self, key: str) -> Decimal:
        """A sum of money, zero when never set."""
        return self._read(key, Decimal) or Decimal(0)

    @property
    def paused(self) -> tuple[str, ...]:
        """Paused symbols; empty text stands for all of them."""
        everything = ("",) if self._read("paused", bool) else ()
        return everything + tuple(symbol for symbol, on in self._flags("paused:") if on)

    @property
    def no_reentry(self) -> tuple[str, ...]:
        """Symbols whose reverse re-entry is switched off."""
        return tuple(symbol for symbol, on in self._flags("reentry:") if not on)

    @property
    def parameters(self) -> tuple[tuple[str, str, Value], ...]:
        """Strategy parameters as changed at run time: symbol (empty = all), name, value."""
        found = []
        for key in sorted(self.values):
            if key.startswith("parameter:"):
                _, symbol, name = key.split(":", 2)
                found.append((symbol, name, _told(key, decode_value, self.values[key])))
        return tuple(found)

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What the engine alone reads back, as JSON text: closes under way, alerts, leverages, models, clusters."""
        return tuple((key, self.values[key]) for key in sorted(self.values) if key.startswith(KEPT))

    def _flags(self, prefix: str) -> list[tuple[str, bool]]:
        keys = sorted(key for key in self.values if key.startswith(prefix))
        return [(key.removeprefix(prefix), bool(self._read(key, bool))) for key in keys]

    def _read[T](self, key: str, cls: type[T]) -> T | None:
        if key not in self.values:
            return None
        return _told(key, lambda text: decode(text, cls), self.values[key])


def _told[T](key: str, reader: Callable[[str], T], text: str) -> T:
    try:
        return reader(text)
    except ValueError as error:
        raise StorageError(f"setting {key}: {error}") from error


def read(connection: Connection, account: str) -> Settings:
    """The settings of an account."""
    rows = select(SettingRow.key, SettingRow.value).where(SettingRow.account == account)
    return Settings(dict(connection.execute(rows).all()))
