"""Proposals of one account: filed once, decided once."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, func, select, update

from bot.domain.errors import StorageError
from bot.runtime.codec import encode
from bot.runtime.proposals import Draft, Figures, Filed, ProposalState, Verdict
from storage.connections import Connections
from storage.schema import ProposalRow
from storage.statements import claim

WAITING = ProposalState.WAITING.value


class SqlProposals:
    """See bot.runtime.proposals.ProposalStore, which this fulfils."""

    def __init__(self, connections: Connections, account: str) -> None:
        """Bind to an account."""
        self._connections = connections
        self._account = account

    async def add(self, draft: Draft, at_ms: int, expires_at_ms: int) -> Filed:
        """File one. Where one of the same kind and body waits already, that one is answered, with the new figures."""
        return await self._connections.write(lambda c: _add(c, self._account, draft, at_ms, expires_at_ms))

    async def get(self, number: int) -> Filed | None:
        """One by its number."""
        return await self._connections.read(lambda c: _get(c, self._account, number))

    async def listed(self, states: Sequence[ProposalState], limit: int) -> tuple[Filed, ...]:
        """The newest ones in these states, newest first."""
        return await self._connections.read(lambda c: _listed(c, self._account, states, limit))

    async def move(self, number: int, before: ProposalState, after: ProposalState, verdict: Verdict) -> bool:
        """Bring one from a state to another; False when it is in another one by now, and nothing is changed."""
        return await self._connections.write(
            lambda c: _move(c, self._account, (number, before, after), verdict)
        )

    async def expire(self, now_ms: int) -> int:
        """Those whose time is over while they waited are EXPIRED; answers how many."""
        return await self._connections.write(lambda c: _expire(c, self._account, now_ms))


def _add(connection: Connection, account: str, draft: Draft, at_ms: int, expires_at_ms: int) -> Filed:
    same = select(ProposalRow.__table__).where(
        ProposalRow.account == account,
        ProposalRow.state == WAITING,
        ProposalRow.kind == draft.kind,
        ProposalRow.body == draft.body,
    )
    row = _row(draft, expires_at_ms)
    before = connection.execute(same).mappings().first()
    if before is not None:
        key = {"account": account, "number": before["number"]}
        connection.execute(update(ProposalRow).filter_by(**key).values(**row))
        return Filed(before["number"], before["at"], expires_at_ms, draft)
    open_ = {"state": WAITING, "decided_at": None, "decided_by": "", "reason": "", "change_id": 0}
    newest = select(func.max(ProposalRow.number)).where(ProposalRow.account == account)
    number = (connection.scalar(newest) or 0) + 1
    while not claim(
        connection, ProposalRow, {"account": account, "number": number, "at": at_ms} | row | open_
    ):
        number += 1  # another process was faster
    return Filed(number, at_ms, expires_at_ms, draft)


def _row(draft: Draft, expires_at_ms: int) -> dict[str, object]:
    return {
        "expires_at": expires_at_ms,
        "kind": draft.kind,
        "title": draft.title,
        "source": draft.source,
        "changes": encode(draft.changes).decode(),
        "figures": encode(draft.figures).decode(),
        "body": draft.body,
    }


def _get(connection: Connection, account: str, number: int) -> Filed | None:
    rows = select(ProposalRow.__table__).where(ProposalRow.account == account, ProposalRow.number == number)
    row = connection.execute(rows).mappings().first()
    return None if row is None else _filed(row)


def _listed(
    connection: Connection, account: str, states: Sequence[ProposalState], limit: int
) -> tuple[Filed, ...]:
    wanted = ProposalRow.state.in_([state.value for state in states])
    rows = select(ProposalRow.__table__).where(ProposalRow.account == account, wanted)
    newest = connection.execute(rows.order_by(ProposalRow.number.desc()).limit(limit))
    return tuple(map(_filed, newest.mappings()))


def _filed(row: RowMapping) -> Filed:
    try:
        changes, figures = _figures(row["changes"]), _figures(row["figures"])
        state = ProposalState(row["state"])
    except (ValueError, TypeError) as error:
        raise StorageError(f"proposal {row['number']}: {error}") from error
    draft = Draft(row["kind"], row["title"], changes, figures, row["body"], row["source"])
    verdict = Verdict(row["decided_by"], row["decided_at"] or 0, row["reason"], row["change_id"])
    return Filed(row["number"], row["at"], row["expires_at"], draft, state, verdict)


def _figures(text: str) -> Figures:
    return tuple((str(name), str(before), str(after)) for name, before, after in json.loads(text))


def _move(
    connection: Connection,
    account: str,
    step: tuple[int, ProposalState, ProposalState],
    verdict: Verdict,
) -> bool:
    number, before, after = step
    there = update(ProposalRow).where(
        ProposalRow.account == account, ProposalRow.number == number, ProposalRow.state == before.value
    )
    decided = {
        "decided_at": verdict.at_ms or None,
        "decided_by": verdict.by,
        "reason": verdict.reason,
        "change_id": verdict.change_id,
    }
    return connection.execute(there.values(state=after.value, **decided)).rowcount == 1


def _expire(connection: Connection, account: str, now_ms: int) -> int:
    old = update(ProposalRow).where(
        ProposalRow.account == account, ProposalRow.state == WAITING, ProposalRow.expires_at <= now_ms
    )
    expired = {"state": ProposalState.EXPIRED.value, "decided_at": ProposalRow.expires_at}
    return connection.execute(old.values(**expired)).rowcount
