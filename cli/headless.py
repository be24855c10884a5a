"""Chat commands for scripts: bars as fast as they can, answers in order, one JSON object per line."""

import asyncio
import json
import logging
import sys
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

from bot.domain.errors import StorageError
from bot.engine import reading
from bot.runtime.codec import encode
from cli.house import House
from cli.streams import holds_any_character
from handlers.render_text import reply_lines
from handlers.reply import Reply
from handlers.session import Session

WIDTH = 120
PATIENCE = 15  # each try waits for a lock on its own, too
RETRY_S = 1.0
CONFIRM = "Confirm"

log = logging.getLogger(__name__)


class Script:
    """Commands at their bars, answers in order. `confirm` presses the confirm button of every card."""

    def __init__(
        self,
        house: House,
        commands: Sequence[str],
        timed: Sequence[tuple[int, str]],
        *,
        confirm: bool,
        as_json: bool,
    ) -> None:
        """`timed` commands run after their bar, `commands` after the last."""
        self._house = house
        self._session = Session(house.dispatcher.handle, house.wall_ms)
        self._last = commands
        self._confirm = confirm
        self._json = as_json
        self._at: dict[int, list[str]] = defaultdict(list)
        for bar, command in timed:
            self._at[bar].append(command)
        self._bars = 0
        self._ok = True

    async def run(self, bars: int) -> bool:
        """So many bars, and the commands after them; False when a command was refused."""
        await self._say(self._at.pop(0, ()))
        while self._bars < bars and await self._lived():
            self._bars += 1
            if self._bars in self._at:
                await self._say(self._at.pop(self._bars))
        late = [command for bar in sorted(self._at) for command in self._at[bar]]
        await self._say([*late, *self._last])
        return self._ok

    async def _lived(self) -> bool:
        """One bar; while somebody else holds the database it is lived again, for a while."""
        for _ in range(PATIENCE):
            try:
                return await self._house.step()
            except StorageError as error:
                log.error("the script waits: %s", error)
                await asyncio.sleep(RETRY_S)
        return await self._house.step()

    async def _say(self, commands: Sequence[str]) -> None:
        for command in commands:
            reply = await self._session.enter(command)
            if reply is not None and self._confirm and any(b.label == CONFIRM for b in reply.buttons):
                reply = await self._session.enter(CONFIRM)
            if reply is not None:
                self._show(command, reply)

    def _show(self, command: str, reply: Reply) -> None:
        self._ok = self._ok and reply.ok
        if self._json:
            _line(reply.to_json())
        else:
            text = "\n".join(reply_lines(reply, WIDTH))
            sys.stdout.write(f"> {command}\n{text}\n\n")
            sys.stdout.flush()

    def summary(self) -> None:
        """The last line."""
        state = self._house.engine.state
        status = reading.status(state)
        figures = {
            "bars": self._bars,
            "trades": state.trade_count,
            "equity": float(f"{status.balance.equity:.8f}"),  # a figure for scripts; the books stay decimal
            "positions": len(status.positions),
            "unprotected": len(status.uncovered),
            "state_hash": sha256(encode(reading.dump(state))).hexdigest(),
        }
        if self._json:
            _line(figures)
        else:
            sys.stdout.write("  ".join(f"{name} {value}" for name, value in figures.items()) + "\n")


def _line(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=not holds_any_character(sys.stdout)) + "\n")
    sys.stdout.flush()
