"""One person at one keyboard: typed lines become requests, a number or a label presses a button that was shown."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from handlers.buttons import chosen_button
from handlers.reply import Button, Reply
from handlers.request import ChatKind, Request, RequestKind

KEPT = 99
"""Buttons that can be pressed at a time: a desk speaks for hours between two answers."""

type Handle = Callable[[Request], Awaitable[Reply | None]]


@dataclass(slots=True)
class Session:
    """A conversation without buttons to tap: the console's, and that of scripts."""

    handle: Handle
    wall_clock: Callable[[], int]
    user_id: str = "operator"
    platform: str = "console"
    _numbered: dict[int, Button] = field(init=False, default_factory=dict)
    _next: int = field(init=False, default=1)
    _lines: int = field(init=False, default=0)

    async def enter(self, line: str) -> Reply | None:
        """Say one line."""
        self._lines += 1
        number = self._lines
        button = chosen_button(line, self._numbered)
        reply = await self.handle(self._request(line, button))
        offered = reply.buttons if reply else ()
        if offered or number == self._lines:  # a slow answer takes no newer card's buttons away
            self._numbered, self._next = dict(enumerate(offered, 1)), len(offered) + 1
        return reply

    def offer(self, reply: Reply) -> int:
        """Take the buttons of what was said unasked; answers the number of the first.

        They are counted on from those of the last answer: whoever types a number while a notice comes in presses what
        was on the screen when the number was read.
        """
        first = self._next
        self._next += len(reply.buttons)
        self._numbered |= dict(enumerate(reply.buttons, first))
        for number in sorted(self._numbered)[:-KEPT]:
            del self._numbered[number]
        return first

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
