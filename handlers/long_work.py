"""Long work asked for in a chat: one message with a bar that moves, the button that stops it, and how it ended."""

from dataclasses import dataclass

from bot.domain.refusal import Refused
from handlers.cards import no
from handlers.format import percent
from handlers.progress import Progress
from handlers.reply import Button, Reply

BAR = 20
"""A full bar has so many blocks."""


@dataclass(frozen=True, slots=True)
class LongWork:
    """One piece of work: what it is called, what stops it, where one may go when it did not come about."""

    progress: Progress
    title: str
    stop: Button
    back: tuple[Button, ...] = ()

    async def tell(self, part: float, at: str = "") -> None:
        """So far it is, 0 to 1, and at this: one message that changes in place."""
        done = int(max(0.0, min(1.0, part)) * BAR)
        bar = f"{'█' * done}{'░' * (BAR - done)} {percent(part * 100, 0)}"
        await self.progress.show(
            Reply(f"{self.title} runs", text=f"{bar}\n{at}".rstrip(), buttons=(self.stop,))
        )

    async def not_done(self, answer: Refused) -> Reply:
        """Why there is nothing of it; the message that moved says that it has ended, too."""
        why = f"{answer.figures.rstrip('.')}."
        if answer.rule == "running":
            return no(why, self.stop)
        ended = "stopped" if answer.rule == "stopped" else "not done"
        await self.progress.finish(Reply(f"{self.title}: {ended}"))
        return no(why, *self.back)


def stopped(what: str, left: str) -> Reply:
    """A person stopped what they had running, `what` (empty: there was nothing); `left` says what stays of it."""
    if not what:
        return no("You have nothing running.")
    return Reply(f"{what[:1].upper()}{what[1:]} stopped", text=left)
