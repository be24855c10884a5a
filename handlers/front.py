"""The front of a house, where people are met: one way in, who may come in, what waits, strangers at the door."""

from dataclasses import dataclass, replace

from handlers.access import CrewAccess
from handlers.away import Away
from handlers.command import Injected
from handlers.desks import Seat
from handlers.dispatch import Dispatcher
from handlers.doorstep import Doorstep


@dataclass(frozen=True, slots=True)
class Front:
    """The dispatcher, and what it asks. `seats` are the desks by account name, those of this house's process."""

    dispatcher: Dispatcher
    access: CrewAccess
    away: Away
    doorstep: Doorstep
    seats: dict[str, Seat]

    async def load(self) -> None:
        """Take over what earlier runs stored: grants, and lines that wait. Raises StorageError."""
        await self.access.load()

    def lend(self, account: str, *things: Injected) -> None:
        """Let the commands of one account ask for more things by type; one of a type takes its forerunner's place."""
        seat = self.seats[account]
        kinds = {type(thing) for thing in things}
        kept = (thing for thing in seat.context if type(thing) not in kinds)
        self.seats[account] = replace(seat, context=(*kept, *things))
