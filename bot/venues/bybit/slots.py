"""Which of our orders a position's own stop or target stands for.

On Bybit the stop of a whole position is a property of the position and carries no client id. A slot is such a property:
(symbol, positionIdx, stop or target). Whoever of our orders set it last claims it; setting it anew amends it in place,
so a new claim takes the slot over and the one before has nothing left at the venue. Claims are told apart by their
trigger price and, once seen, by the venue's order id. They are remembered durably before the call that sets them.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.errors import StorageError
from bot.domain.order import OrderStatus
from bot.venues.bybit.reading import Row, rows
from bot.venues.bybit.words import Part, Seen
from bot.venues.ccxt_venue.wire import Memory

log = logging.getLogger(__name__)

KEPT_CLAIMS = 6
PREFIX = "bybit-slot:"


@dataclass(slots=True, eq=False)
class Claim:
    """One order of ours that set, or asked to set, the slot. `at_ms` is when it was asked for.

    `standing`: the venue took it. `end`: what became of it (an order status), empty while it may stand.
    """

    client_id: str
    trigger: Decimal
    at_ms: int
    standing: bool = False
    venue_id: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slot is."""

    symbol: str
    index: int
    part: Part

    @property
    def key(self) -> str:
        """Its name in the memory."""
        return f"{PREFIX}{self.symbol}:{self.index}:{self.part}"


@dataclass(slots=True)
class Slot:
    """The claims on one stop or target, oldest first.

    `leaving` is one whose order the venue removed by itself at `left_at_ms`: whether that is news depends on the
    position.
    """

    place: Place
    claims: list[Claim] = field(default_factory=list)
    leaving: Claim | None = None
    left_at_ms: int = 0
    dirty: bool = False

    @property
    def current(self) -> Claim | None:
        """The newest claim that may stand."""
        return next((claim for claim in reversed(self.claims) if not claim.end), None)

    def find(self, client_id: str) -> Claim | None:
        """The claim of one of our orders."""
        return next((claim for claim in reversed(self.claims) if claim.client_id == client_id), None)

    def push(self, claim: Claim) -> None:
        """A new claim; what it replaces stands until the venue has taken it."""
        self.claims = [*self.claims, claim][-KEPT_CLAIMS:]
        self.dirty = True

    def drop(self, claim: Claim) -> None:
        """A claim that the venue refused: the one before stands as it did."""
        self.claims = [other for other in self.claims if other is not claim]
        self.dirty = True

    def stands(self, claim: Claim, venue_id: str = "") -> None:
        """The venue has this one: whatever was claimed before it is replaced."""
        claim.standing, claim.venue_id = True, venue_id or claim.venue_id
        earlier = self.claims[: self.claims.index(claim)] if claim in self.claims else []
        for other in earlier:
            other.end = other.end or OrderStatus.CANCELLED
        self.dirty = True

    def replaced(self, claim: Claim) -> bool:
        """True when nothing of this claim is left: it ended, or a newer one is known to stand in its place."""
        newer = self.claims[self.claims.index(claim) + 1 :] if claim in self.claims else []
        return bool(claim.end) or any(other.standing for other in newer)

    def over(self, claim: Claim, end: OrderStatus) -> None:
        """Nothing of this claim is left at the venue."""
        claim.end = end
        if self.leaving is claim:
            self.leaving = None
        self.dirty = True

    def of(self, seen: Seen) -> Claim | None:
        """Whose order a row is; None when it is none of ours: a person has set the slot."""
        same_price = [claim for claim in self.claims if claim.trigger == seen.trigger]
        if seen.waiting:
            return same_price[-1] if same_price else None
        same_order = [claim for claim in self.claims if seen.venue_id and claim.venue_id == seen.venue_id]
        both = [claim for claim in same_order if claim in same_price]
        candidates = both or same_order or same_price
        return candidates[-1] if candidates else None


class Slots:
    """All slots of the account, kept in the memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._slots: dict[Place, Slot] = {}
        self._loaded = False

    async def ready(self) -> None:
        """Read the memory, once; write what frames have taught since the last call."""
        if not self._loaded:
            await self._load()
        for slot in [slot for slot in self._slots.values() if slot.dirty]:
            await self.save(slot)

    async def _load(self) -> None:
        try:
            remembered = await self._memory.load()
        except StorageError:
            log.warning("whose stops these are could not be read; tried again with the next call")
            return
        if self._loaded:
            return  # another call was quicker
        self._loaded = True
        for key, text in remembered.items():
            self._take(key, text)

    def at(self, place: Place) -> Slot:
        """The slot at a place."""
        if place not in self._slots:
            self._slots[place] = Slot(place)
        return self._slots[place]

    def look(self, place: Place) -> Slot:
        """The slot at a place as a frame needs it: one that nobody claimed is not kept."""
        return self._slots.get(place) or Slot(place)

    def around(self, symbol: str, index: int) -> Iterator[Slot]:
        """The slots of one position that are or were in use."""
        for part in Part:
            slot = self._slots.get(Place(symbol, index, part))
            if slot is not None:
                yield slot

    def leaving(self) -> list[Slot]:
        """Slots whose order was removed by the venue, and it is not known yet whether its position is gone too."""
        return [slot for slot in self._slots.values() if slot.leaving is not None]

    def find(self, client_id: str) -> tuple[Slot, Claim] | None:
        """The slot that an order of ours claims or claimed."""
        for slot in self._slots.values():
            claim = slot.find(client_id)
            if claim is not None:
                return slot, claim
        return None

    def of_order(self, symbol: str, venue_id: str) -> Claim | None:
        """The claim whose order has this venue id: the newest one, as the venue may amend an order under its id."""
        for slot in self._slots.values():
            if slot.place.symbol == symbol and venue_id:
                for claim in reversed(slot.claims):
                    if claim.venue_id == venue_id:
                        return claim
        return None

    async def save(self, slot: Slot) -> None:
        """Remember a slot. Protection does not wait for a database: what cannot be written is tried again later.

        A process that dies meanwhile finds the stop at the venue under no name, and sets its own in its place.
        """
        slot.dirty = False
        try:
            await self._memory.save(slot.place.key, _text(slot))
        except StorageError:
            slot.dirty = True
            log.warning("%s: whose stop this is could not be written", slot.place.key)

    def _take(self, key: str, text: str) -> None:
        place = _place(key)
        if place is None:
            return
        try:
            found = json.loads(text)
        except ValueError:
            log.warning("%s: unreadable in the memory", key)
            return
        claims = [claim for row in rows(found) if (claim := _claim(row)) is not None]
        slot = self.at(place)
        slot.claims = [*claims, *slot.claims][-KEPT_CLAIMS:]


def _place(key: str) -> Place | None:
    fields = key.removeprefix(PREFIX).rsplit(":", 2)
    if not key.startswith(PREFIX) or len(fields) != 3 or fields[1] not in ("0", "1", "2"):
        return None
    part = next((part for part in Part if part == fields[2]), None)
    return None if part is None else Place(fields[0], int(fields[1]), part)


def _claim(row: Row) -> Claim | None:
    trigger, client_id = row.number("trigger"), row.text("id")
    if trigger is None or not client_id:
        return None
    return Claim(client_id, trigger, row.ms("at"), row.flag("standing"), row.text("venue"), row.text("end"))


def _text(slot: Slot) -> str:
    """The slot as the memory keeps it; empty (forgotten) when nothing was ever claimed."""
    if not slot.claims:
        return ""
    claims = [
        {
            "id": claim.client_id,
            "trigger": f"{claim.trigger:f}",
            "at": claim.at_ms,
            "standing": claim.standing,
            "venue": claim.venue_id,
            "end": str(claim.end),
        }
        for claim in slot.claims
    ]
    return json.dumps(claims, separators=(",", ":"))
