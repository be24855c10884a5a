"""Small work of many callers in few transactions: what is written is durable when it returns, what is read is whole."""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence

from sqlalchemy import Connection

from storage.connections import Connections


class Together[T]:
    """While one transaction is under way, what is added meanwhile waits and shares the next one.

    Dozens of people who are told of one fill would otherwise stand in the writer's row before the engine's next commit.
    """

    def __init__(self, connections: Connections, write: Callable[[Connection, Sequence[T]], None]) -> None:
        """`write` puts down all that came together, in the order in which it came."""
        self._connections = connections
        self._write = write
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, thing: T) -> None:
        """Return when it is durable; raises what kept the transaction that it shared from being written."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((thing, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="storage together")
        await done

    async def _run(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            things = [thing for thing, _ in taken]
            (fault,) = await asyncio.gather(self._put_down(things), return_exceptions=True)
            for _, done in taken:
                if not done.done():  # one that is has been called off meanwhile
                    done.set_result(None) if fault is None else done.set_exception(fault)

    async def _put_down(self, things: Sequence[T]) -> None:
        await self._connections.write(lambda connection: self._write(connection, things))


class Asked[Q: Hashable, A]:
    """Questions that come while others are being answered are answered together, by one read that begins after them."""

    def __init__(
        self, connections: Connections, answer: Callable[[Connection, Sequence[Q]], Mapping[Q, A]]
    ) -> None:
        """`answer` has an answer for every question."""
        self._connections = connections
        self._answer = answer
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer as of a moment after asking; raises what kept the read from being done."""
        done: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="storage asked")
        return await done

    async def _run(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            questions = list(dict.fromkeys(question for question, _ in taken))
            (found,) = await asyncio.gather(self._looked(questions), return_exceptions=True)
            for question, done in taken:
                if done.done():  # called off meanwhile
                    continue
                if isinstance(found, BaseException):
                    done.set_exception(found)
                else:
                    done.set_result(found[question])

    async def _looked(self, questions: Sequence[Q]) -> Mapping[Q, A]:
        return await self._connections.read(lambda connection: self._answer(connection, questions))
