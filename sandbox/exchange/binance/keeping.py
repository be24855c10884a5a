"""What the protocol remembers beside the core: listen keys, orders that end by a timer, the state of order books."""

from dataclasses import dataclass, field
from hashlib import sha256

from sandbox.exchange.binance.settings import Settings


@dataclass(slots=True)
class ListenKeys:
    """Listen keys: one live one per account; a POST returns the live key and prolongs it."""

    life_ms: int
    ends_at_ms: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def open(self, account: str, now_ms: int) -> str:
        """The account's live key, prolonged; a new one when there is none."""
        live = self.of_account(account, now_ms)
        if live is None:
            self.made += 1
            live = sha256(f"listen|{account}|{self.made}".encode()).hexdigest()
            self.owners[live] = account
        self.ends_at_ms[live] = now_ms + self.life_ms
        return live

    def of_account(self, account: str, now_ms: int) -> str | None:
        """The account's live key."""
        keys = (key for key, owner in self.owners.items() if owner == account)
        return next((key for key in keys if self.ends_at_ms[key] > now_ms), None)

    def keep(self, account: str, now_ms: int) -> str | None:
        """Prolong the account's live key; None when there is none."""
        live = self.of_account(account, now_ms)
        return None if live is None else self.open(account, now_ms)

    def drop(self, key: str) -> None:
        """The key is gone."""
        self.ends_at_ms.pop(key, None)
        self.owners.pop(key, None)

    def owner(self, key: str) -> str | None:
        """Whose key it is; None for one that is gone."""
        return self.owners.get(key)

    def expired(self, now_ms: int) -> list[str]:
        """Keys whose life is over."""
        return [key for key, end in self.ends_at_ms.items() if end <= now_ms]


@dataclass(slots=True)
class Timers:
    """Orders that end by time. Accounts by name, orders by id."""

    countdown: dict[tuple[str, str], int] = field(default_factory=dict)
    """(account, symbol) -> when all its open orders are cancelled."""
    good_till: dict[tuple[str, int], int] = field(default_factory=dict)
    """(account, order) -> when the order is cancelled (timeInForce GTD); kept, as orders are."""
    with_position: set[tuple[str, int]] = field(default_factory=set)
    """(account, conditional order): expires when the position is closed (timeInForce GTE_GTC); kept, as orders are."""
    ending: dict[tuple[str, int], int] = field(default_factory=dict)
    """Those of `good_till` whose time is still to come."""
    tied: set[tuple[str, int]] = field(default_factory=set)
    """Those of `with_position` that may still wait."""


@dataclass(slots=True)
class BookState:
    """One symbol's order book as the stream last showed it: update id, levels by side and price."""

    update_id: int
    levels: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Keeping:
    """All of it."""

    settings: Settings
    keys: ListenKeys
    timers: Timers = field(default_factory=Timers)
    books: dict[str, BookState] = field(default_factory=dict)
    multi_assets: set[str] = field(default_factory=set)
    """Accounts set to multi-assets mode; it is remembered and changes nothing."""

    def book(self, symbol: str, now_ms: int) -> BookState:
        """The symbol's book state."""
        return self.books.setdefault(symbol, BookState(now_ms))


def keeping_for(settings: Settings) -> Keeping:
    """An empty memory."""
    return Keeping(settings, ListenKeys(settings.key_life_ms))
