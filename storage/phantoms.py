"""Phantoms of one account: each signal once, ended once, whoever tells it how often."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import batched
from math import isfinite, nan
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Update,
    and_,
    bindparam,
    case,
    func,
    select,
    update,
)

from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.ml.phantom import Ending, Followed, Outcome, Phantom, Terms, Vector
from bot.risk.rules.model import NAME as MODEL_GATE
from bot.runtime.phantoms import LateSignal, ModelTally, PhantomTally, Since
from storage.connections import Connections
from storage.history import read_decision
from storage.rows import Flat, Values
from storage.schema import PhantomRow, SignalRow
from storage.statements import add_missing

PHANTOMS = Flat(Phantom, "terms", "vector")
ENDINGS = Flat(Ending)
TERMS = tuple(field.name for field in fields(Terms))
MOST_NAMED = 500
"""Names in one question: a database takes only so many."""
KEY = ("account", "strategy", "symbol", "bar_at")


class SqlPhantoms:
    """See bot.runtime.phantoms.PhantomStore, which this fulfils."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account."""
        self._connections = connections
        self._account = account

    async def missed(self, since_ms: int) -> tuple[Decision, ...]:
        """Decisions that may have no phantom yet, in order; where there is no phantom at all, those since a time."""
        return await self._connections.read(lambda c: _missed(c, self._account, since_ms))

    async def waiting(self) -> tuple[Phantom, ...]:
        """Those that have not ended, oldest first."""
        return await self._connections.read(lambda c: _waiting(c, self._account))

    async def write(self, begun: Sequence[Phantom], ended: Sequence[tuple[Phantom, Ending]]) -> None:
        """Add and end some in one go. One that is there is not added again, one that has ended not ended again."""
        new = [_row(self._account, phantom) for phantom in begun]
        over = [_over(self._account, phantom, ending) for phantom, ending in ended]
        await self._connections.write(lambda c: _write(c, new, over))

    async def finished(
        self, since_ms: int = 0, strategy: str = "", symbol: str = "", newest: int = 0
    ) -> tuple[Followed, ...]:
        """Those whose end came at or after a time, in the order of their ends; only the `newest` (0: all)."""
        wanted = {"strategy": strategy, "symbol": symbol}
        return await self._connections.read(lambda c: _finished(c, self._account, since_ms, wanted, newest))

    async def tallies(self, since_ms: int = 0) -> tuple[PhantomTally, ...]:
        """By symbol and gate, of signals on bars that closed at or after a time."""
        return await self._connections.read(lambda c: _tallies(c, self._account, since_ms))

    async def model_tallies(self, models: Sequence[str]) -> tuple[ModelTally, ...]:
        """By strategy, symbol and model, of the versions named."""
        return await self._connections.read(lambda c: _model_tallies(c, self._account, models))

    async def outcomes(self, asked: Sequence[Since]) -> tuple[int, ...]:
        """How many signals have ended, for each asked."""
        return await self._connections.read(
            lambda c: tuple(_outcomes(c, self._account, one) for one in asked)
        )

    async def late_signals(self, since_ms: int, most: int) -> tuple[LateSignal, ...]:
        """The newest of those decided at or after a time whose features are known, newest first."""
        return await self._connections.read(lambda c: _late_signals(c, self._account, since_ms, most))

    async def found(self, strategy: str, symbol: str, bar_at_ms: int) -> Followed | None:
        """The phantom of one signal by the closing time of its bar; None when it was not followed."""
        key = {"account": self._account, "strategy": strategy, "symbol": symbol, "bar_at": bar_at_ms}
        rows = select(PhantomRow.__table__).filter_by(**key)
        row = await self._connections.read(lambda c: c.execute(rows).mappings().first())
        return None if row is None else _followed(row)


def _missed(connection: Connection, account: str, since_ms: int) -> tuple[Decision, ...]:
    """From the newest phantom's decision on, that one too: others may have come at the same moment."""
    newest = select(func.max(PhantomRow.decided_at)).where(PhantomRow.account == account)
    begin = connection.scalar(newest) or since_ms
    rows = select(SignalRow.id, SignalRow.body).where(SignalRow.account == account, SignalRow.at >= begin)
    return tuple(read_decision(*row) for row in connection.execute(rows.order_by(SignalRow.place)))


def _waiting(connection: Connection, account: str) -> tuple[Phantom, ...]:
    rows = select(PhantomRow.__table__).where(PhantomRow.account == account, PhantomRow.finished_at.is_(None))
    found = connection.execute(rows.order_by(PhantomRow.bar_at, PhantomRow.symbol, PhantomRow.strategy))
    return tuple(_followed(row).phantom for row in found.mappings())


def _write(connection: Connection, new: Sequence[Values], over: Sequence[Values]) -> None:
    add_missing(connection, PhantomRow, new)
    if over:
        connection.execute(_ending(), over)


def _ending() -> Update:
    """Only what has not ended ends."""
    mine = [PhantomRow.__table__.c[name] == bindparam(f"of_{name}") for name in KEY]
    table = update(PhantomRow.__table__)  # type: ignore[arg-type]
    return table.where(*mine, PhantomRow.finished_at.is_(None))


def _finished(
    connection: Connection, account: str, since_ms: int, wanted: dict[str, str], newest: int
) -> tuple[Followed, ...]:
    rows = select(PhantomRow.__table__).where(
        PhantomRow.account == account, PhantomRow.finished_at >= since_ms
    )
    rows = rows.filter_by(**{name: value for name, value in wanted.items() if value})
    order = (PhantomRow.finished_at, PhantomRow.symbol, PhantomRow.bar_at, PhantomRow.strategy)
    if not newest:
        return tuple(_followed(row) for row in connection.execute(rows.order_by(*order)).mappings())
    last = rows.order_by(*(column.desc() for column in order)).limit(newest)
    return tuple(_followed(row) for row in connection.execute(last).mappings())[::-1]


def _tallies(connection: Connection, account: str, since_ms: int) -> tuple[PhantomTally, ...]:
    over = PhantomRow.finished_at.is_not(None)
    fate = (PhantomRow.symbol, PhantomRow.refused_by)
    figures = (
        func.sum(case((over, 0), else_=1)),
        func.sum(case((over, 1), else_=0)),
        func.sum(case((PhantomRow.net_return > 0, 1), else_=0)),
        func.coalesce(func.sum(PhantomRow.net), 0.0),
    )
    rows = select(*fate, *figures).where(PhantomRow.account == account, PhantomRow.bar_at >= since_ms)
    found = connection.execute(rows.group_by(*fate).order_by(*fate))
    return tuple(
        PhantomTally(symbol, gate, int(open_), int(ended), int(won), float(net))
        for symbol, gate, open_, ended, won, net in found
    )


def _model_tallies(connection: Connection, account: str, models: Sequence[str]) -> tuple[ModelTally, ...]:
    found: list[ModelTally] = []
    for some in batched(sorted(set(models)), MOST_NAMED):
        whose = (PhantomRow.strategy, PhantomRow.symbol, PhantomRow.model)
        rows = select(*whose, *_model_figures()).where(
            PhantomRow.account == account, PhantomRow.model.in_(some)
        )
        scored = rows.where(PhantomRow.model_score.is_not(None)).group_by(*whose).order_by(*whose)
        found += [ModelTally(*row) for row in connection.execute(scored)]
    return tuple(found)


def _model_figures() -> tuple[ColumnElement[Any], ...]:
    """The figures of a ModelTally, in their order."""
    passes = PhantomRow.model_score >= PhantomRow.model_threshold
    kept_out = and_(
        PhantomRow.model_score < PhantomRow.model_threshold,
        PhantomRow.refused_by.in_(("", MODEL_GATE)),
        PhantomRow.finished_at.is_not(None),
    )
    counted = (
        passes,
        and_(passes, PhantomRow.outcome == Outcome.TARGET.value),
        and_(passes, PhantomRow.outcome == Outcome.STOP.value),
        kept_out,
    )
    sums = (func.sum(case((one, 1), else_=0)) for one in counted)
    return (func.count(), *sums, func.coalesce(func.sum(case((kept_out, PhantomRow.net), else_=0.0)), 0.0))


def _outcomes(connection: Connection, account: str, asked: Since) -> int:
    rows = select(func.count()).where(
        PhantomRow.account == account,
        PhantomRow.strategy == asked.strategy,
        PhantomRow.symbol == asked.symbol,
        PhantomRow.bar_at > asked.after_ms,
        PhantomRow.finished_at.is_not(None),
    )
    return int(connection.scalar(rows) or 0)


def _late_signals(connection: Connection, account: str, since_ms: int, most: int) -> tuple[LateSignal, ...]:
    columns = (
        PhantomRow.strategy,
        PhantomRow.symbol,
        PhantomRow.bar_at,
        PhantomRow.features,
        PhantomRow.feature_hash,
    )
    rows = select(*columns).where(PhantomRow.account == account, PhantomRow.decided_at >= since_ms)
    order = (PhantomRow.decided_at, PhantomRow.symbol, PhantomRow.strategy, PhantomRow.bar_at)
    newest = rows.where(PhantomRow.features != "").order_by(*(one.desc() for one in order)).limit(most)
    found = connection.execute(newest).mappings()
    return tuple(LateSignal(row["strategy"], row["symbol"], row["bar_at"], _vector(row)) for row in found)


def _row(account: str, phantom: Phantom) -> Values:
    known = [value if isfinite(value) else None for value in phantom.vector.values]
    features = {"features": json.dumps(known) if known else "", "feature_hash": phantom.vector.hash}
    return PHANTOMS.row(account, phantom) | asdict(phantom.terms) | features


def _over(account: str, phantom: Phantom, ending: Ending) -> Values:
    key = {"account": account, "strategy": phantom.strategy, "symbol": phantom.symbol}
    row = ENDINGS.row(account, ending) | {f"of_{name}": value for name, value in key.items()}
    del row["account"]
    return row | {"of_bar_at": phantom.bar_at_ms}


def _followed(row: RowMapping) -> Followed:
    over = row["finished_at"] is not None
    return Followed(_phantom(row), ENDINGS.value(row) if over else None)


def _phantom(row: RowMapping) -> Phantom:
    terms = Terms(**{name: row[name] for name in TERMS})
    return Phantom(**PHANTOMS.arguments(row), terms=terms, vector=_vector(row))


def _vector(row: RowMapping) -> Vector:
    try:
        listed: list[Any] = json.loads(row["features"] or "[]")
        return Vector(tuple(nan if one is None else float(one) for one in listed), row["feature_hash"])
    except (ValueError, TypeError) as error:
        raise StorageError(f"phantom of {row['symbol']} at {row['bar_at']}: features: {error}") from error
