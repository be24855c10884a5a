"""One person at one keyboard: typed lines become requests, a number or a label presses a button of the last reply."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from handlers.buttons import chosen_button
from handlers.reply import Button, Reply
from handlers.request import ChatKind, Request, RequestKind

type Handle = Callable[[Request], Awaitable[Reply | None]]


@dataclass(slots=True)
class Session:
    """A conversation without buttons to tap: the console's, and that of scripts."""

    handle: Handle
    wall_clock: Callable[[], int]
    user_id: str = "operator"
    platform: str = "console"
    _buttons: tuple[Button, ...] = field(init=False, default=())
    _lines: int = field(init=False, default=0)

    async def enter(self, line: str) -> Reply | None:
        """Say one line."""
        self._lines += 1
        number = self._lines
        button = chosen_button(line, self._buttons)
        reply = await self.handle(self._request(line, button))
        offered = reply.buttons if reply else ()
        if offered or number == self._lines:  # a slow answer takes no newer card's buttons away
            self._buttons = offered
        return reply

    def offer(self, reply: Reply) -> None:
        """What was said unasked has buttons too; the last ones shown are those a number means."""
        if reply.buttons:
            self._buttons = reply.buttons

    def _request(self, line: str, button: Button | None) -> Request:
        return Request(
            platform=self.platform,
            user_id=self.user_id,
            user_name=self.user_id,
            chat_id=self.platform,
            chat_kind=ChatKind.CONSOLE,
            kind=RequestKind.BUTTON if button else RequestKind.TEXT,
            sent_at_ms=self.wall_clock(),
            text="" if button else line,
            button=button.id if button else "",
        )
