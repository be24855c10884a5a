"""The ledger of one account, as the runtime's port asks for it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from itertools import batched
from typing import Concatenate

from sqlalchemy import Connection, func, select, update

from bot.domain.account import Entry, EquityPoint
from bot.domain.action import RecordDifference, RecordNote, RecordSetting
from bot.domain.decision import Decision
from bot.domain.event import CandlesClosed, Started
from bot.domain.guard import KillReset
from bot.domain.snapshot import Recovered
from bot.domain.trade import Trade
from bot.runtime.ports import JournalRow, Step, TradeQuery
from bot.strategy import Frame
from storage import candles, history, journal, recovery
from storage.batch import gather
from storage.connections import Connections
from storage.schema import RunRow
from storage.statements import add

LINES_AT_ONCE = 500
CANDLES_AT_ONCE = 20_000


class SqlLedger:
    """One account's books; several accounts share a database and never see each other."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account (venue:mode:name)."""
        self._connections = connections
        self._account = account
        self._unsure = False

    async def commit(self, steps: Sequence[Step]) -> None:
        """Write journal lines, every Record action, INTENDED orders of Submit actions and notices, in one go.

        Raises StorageError, and then nothing was written, or it was and the answer got lost: the same steps may be
        given again either way. Raises ValueError for a value that cannot be written down at all.
        """
        if self._unsure:
            steps = await self._change(_unwritten, steps)
        if not steps:
            return
        batch = gather(self._account, steps)
        self._unsure = True
        try:
            await self._connections.write(batch.write)
        except journal.SecondWriterError:
            self._unsure = False
            raise
        self._unsure = False

    async def recover(self, recent: int = 30) -> Recovered:
        """What the ledger remembers of this account, with the last `recent` trades of each symbol."""
        return await self._ask(recovery.recover, recent)

    async def last_step(self) -> int:
        """Number of the newest journal line, 0 when there is none."""
        return await self._ask(journal.last_number)

    async def last_start(self) -> Started | None:
        """The newest start in the journal, with what its engine was built with; None when it was pruned."""
        return await self._ask(journal.last_start)

    async def bars(self, since_ms: int) -> AsyncIterator[CandlesClosed]:
        """The bars that closed since a time, as the engine got them, oldest first."""
        after = 0
        while rows := await self._ask(journal.bars, since_ms, after, LINES_AT_ONCE):
            for row in rows:
                if isinstance(row.event, CandlesClosed):
                    yield row.event
            after = rows[-1].number

    async def journal(self, first: int, last: int) -> AsyncIterator[JournalRow]:
        """Journal lines `first` to `last` (inclusive, 0 = to the end), oldest first."""
        while not last or first <= last:
            rows = await self._ask(journal.read, first, last, LINES_AT_ONCE)
            for row in rows:
                yield row
            if len(rows) < LINES_AT_ONCE:
                return
            first = rows[-1].number + 1

    async def save_candles(self, timeframe: str, frames: Mapping[str, Frame]) -> None:
        """Upsert candles; long histories go in portions, so that commits need not wait."""
        for some in batched(candles.rows(self._account, timeframe, frames), CANDLES_AT_ONCE):
            await self._connections.write(partial(candles.save, some=some))

    async def candles(
        self, symbol: str, timeframe: str, first_open_at_ms: int, last_open_at_ms: int
    ) -> Frame:
        """Stored candles of one symbol between two opening times (inclusive), oldest first."""
        return await self._ask(candles.of_symbol, symbol, timeframe, first_open_at_ms, last_open_at_ms)

    async def all_candles(
        self, timeframe: str, first_open_at_ms: int, last_open_at_ms: int
    ) -> Mapping[str, Frame]:
        """Stored candles of every symbol between two opening times (inclusive), oldest first: for a start."""
        return await self._ask(candles.of_all, timeframe, first_open_at_ms, last_open_at_ms)

    async def trades(self, query: TradeQuery) -> tuple[Trade, ...]:
        """Closed trades, oldest first."""
        return await self._ask(history.trades, query)

    async def decisions(self, limit: int, symbol: str = "") -> tuple[Decision, ...]:
        """The newest decisions, newest first."""
        return await self._ask(history.decisions, limit, symbol)

    async def equity(self, since_ms: int, most: int = 2000) -> tuple[EquityPoint, ...]:
        """The equity series, oldest first, thinned evenly to at most `most` points (extremes kept)."""
        return await self._ask(history.equity, since_ms, most)

    async def entries(self, since_ms: int) -> tuple[Entry, ...]:
        """Ledger entries since a time, oldest first."""
        return await self._ask(history.entries, since_ms)

    async def settings(self, limit: int) -> tuple[RecordSetting, ...]:
        """The newest run-time changes, newest first."""
        return await self._ask(history.setting_changes, limit)

    async def kill_resets(self, limit: int) -> tuple[KillReset, ...]:
        """The newest kill resets, newest first."""
        return await self._ask(history.kill_resets, limit)

    async def differences(self, limit: int) -> tuple[RecordDifference, ...]:
        """The newest reconciliation differences, newest first."""
        return await self._ask(history.differences, limit)

    async def notes(self, limit: int, symbol: str = "") -> tuple[RecordNote, ...]:
        """The newest notes on trades, newest first."""
        return await self._ask(history.notes, limit, symbol)

    async def mark_running(self, at_ms: int) -> None:
        """Note that a run began; call it after `recover`, which looks at the run before."""
        await self._change(_begin_run, at_ms)

    async def mark_clean(self, at_ms: int) -> None:
        """Note that the run ended in order."""
        await self._change(_end_run, at_ms)

    async def prune(self, journal_before_ms: int, candles_before_ms: int, most: int) -> int:
        """Delete at most `most` old journal lines and candles; returns how many went."""
        return await self._change(_prune, journal_before_ms, candles_before_ms, most)

    async def _ask[**P, T](
        self, question: Callable[Concatenate[Connection, str, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._connections.read(
            lambda connection: question(connection, self._account, *args, **kwargs)
        )

    async def _change[**P, T](
        self, change: Callable[Concatenate[Connection, str, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._connections.write(
            lambda connection: change(connection, self._account, *args, **kwargs)
        )


def _unwritten(connection: Connection, account: str, steps: Sequence[Step]) -> Sequence[Step]:
    """Those of the steps that a commit whose answer got lost did not write after all."""
    last = journal.last_number(connection, account)
    for step in steps:
        if step.number <= last and not journal.same(connection, line := journal.line(account, step)):
            raise journal.second_writer(line)
    return [step for step in steps if step.number > last]


def _begin_run(connection: Connection, account: str, at_ms: int) -> None:
    number = connection.scalar(select(func.max(RunRow.number)).where(RunRow.account == account)) or 0
    add(
        connection,
        RunRow,
        [{"account": account, "number": number + 1, "started_at": at_ms, "ended_at": None}],
    )


def _end_run(connection: Connection, account: str, at_ms: int) -> None:
    newest = select(func.max(RunRow.number)).where(RunRow.account == account).scalar_subquery()
    connection.execute(
        update(RunRow).where(RunRow.account == account, RunRow.number == newest).values(ended_at=at_ms)
    )


def _prune(
    connection: Connection, account: str, journal_before_ms: int, candles_before_ms: int, most: int
) -> int:
    lines = journal.prune(connection, account, journal_before_ms, most)
    return lines + candles.prune(connection, account, candles_before_ms, most - lines)
