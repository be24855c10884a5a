"""The chat platforms of a measurement: `quarterdeck sandbox --chat all` in a process of its own, and its people."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.domain.errors import ConfigError

START_S = 60.0
ANSWER_S = 60.0
LIMIT = 1 << 24
ASKERS = ("ann", "bea", "cal", "dee")
LISTENER = "fay"
"""She commands nothing and gets every notice; the others get none, so that what they see is their answer."""

type Line = dict[str, Any]


class Town:
    """The people in the other process: what they were told to do and what they saw."""

    def __init__(self, process: asyncio.subprocess.Process, first: Line) -> None:
        """`first` is the line that says where everything is."""
        self.secrets: dict[str, str] = first["secrets"]
        self.users: dict[str, dict[str, str]] = first["users"]
        self.chat: dict[str, Line] = first["chat"]
        self._process = process
        self._waiting: dict[str, deque[asyncio.Future[Line]]] = defaultdict(deque)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Who is served."""
        return tuple(self.chat)

    async def tell(self, line: str) -> Line:
        """Have it done; the line of what came of it."""
        if self._process.stdin is None:
            raise AssertionError("the sandbox was started with an input")
        answer: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        self._waiting[line].append(answer)
        self._process.stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(ANSWER_S):
            return await answer

    async def listen(self) -> None:
        """Hand every line to whoever waits for it."""
        if self._process.stdout is None:
            raise AssertionError("the sandbox was started with an output")
        while text := await self._process.stdout.readline():
            line = json.loads(text)
            self._waiting[line["line"]].popleft().set_result(line)
        raise ConfigError("bench chat: the sandbox has ended")

    async def connected(self) -> None:
        """Wait until the desk answers on every platform."""
        async with asyncio.timeout(START_S):
            for platform in self.platforms:
                line = f"{platform} {LISTENER} /version"
                while "error" in await self.tell(line):  # noqa: ASYNC110 - another process knows
                    await asyncio.sleep(0.5)

    async def heard(self) -> dict[str, int]:
        """How many messages the listener has got on each platform."""
        lines = [await self.tell(f"{platform} {LISTENER} seen") for platform in self.platforms]
        return {platform: len(line["seen"]) for platform, line in zip(self.platforms, lines, strict=True)}


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    """The platforms, as long as they are wanted."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "sandbox", "--chat", "all"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=LIMIT,
    )
    listening: asyncio.Task[None] | None = None
    try:
        if process.stdout is None:
            raise AssertionError("the sandbox was started with an output")
        async with asyncio.timeout(START_S):
            first = await process.stdout.readline()
        served = Town(process, json.loads(first))
        listening = asyncio.create_task(served.listen())
        yield served
    finally:
        if listening is not None:
            listening.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
