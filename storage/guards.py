"""Kill switches and halts: set, lifted, and which are in force. Written one by one, since their order matters."""

from sqlalchemy import Connection, or_, select, update

from bot.domain.guard import Halt, Kill, KillReset
from storage.rows import HALTS, KILL_RESETS, KILLS
from storage.schema import HaltRow, KillResetRow, KillRow
from storage.statements import add, put


def set_kill(connection: Connection, account: str, kill: Kill) -> None:
    """A kill switch is in force."""
    put(connection, KillRow, [KILLS.row(account, kill) | {"lifted_at": None}])


def reset_kills(connection: Connection, account: str, place: int, reset: KillReset) -> None:
    """The kill switches of a symbol (empty: of all) are lifted, and its counters start anew."""
    set_ones = update(KillRow).where(KillRow.account == account, KillRow.lifted_at.is_(None))
    if reset.symbol:
        set_ones = set_ones.where(KillRow.symbol == reset.symbol)
    connection.execute(set_ones.values(lifted_at=reset.at_ms))
    add(connection, KillResetRow, [KILL_RESETS.row(account, reset) | {"place": place}])


def put_halt(connection: Connection, account: str, halt: Halt, lifted_at_ms: int) -> None:
    """A halt is set; or lifted, and with it what else halts the same symbol for the same reason."""
    put(connection, HaltRow, [HALTS.row(account, halt) | {"lifted_at": lifted_at_ms or None}])
    if lifted_at_ms:
        same = update(HaltRow).where(
            HaltRow.account == account,
            HaltRow.symbol == halt.symbol,
            HaltRow.kind == halt.kind,
            HaltRow.lifted_at.is_(None),
        )
        connection.execute(same.values(lifted_at=lifted_at_ms))


def kills(connection: Connection, account: str) -> tuple[Kill, ...]:
    """Kill switches in force, oldest first."""
    rows = select(KillRow.__table__).where(KillRow.account == account, KillRow.lifted_at.is_(None))
    ordered = rows.order_by(KillRow.at, KillRow.symbol, KillRow.kind)
    return tuple(KILLS.value(row) for row in connection.execute(ordered).mappings())


def halts(connection: Connection, account: str, at_ms: int) -> tuple[Halt, ...]:
    """Halts in force at a time: the newest per symbol and reason, oldest first."""
    rows = select(HaltRow.__table__).where(
        HaltRow.account == account,
        HaltRow.lifted_at.is_(None),
        or_(HaltRow.until == 0, HaltRow.until > at_ms),
    )
    ordered = rows.order_by(HaltRow.at, HaltRow.symbol, HaltRow.kind)
    found = [HALTS.value(row) for row in connection.execute(ordered).mappings()]
    newest = {(halt.symbol, halt.kind): halt for halt in found}
    return tuple(sorted(newest.values(), key=lambda halt: (halt.at_ms, halt.symbol, halt.kind)))


def resets(connection: Connection, account: str) -> tuple[KillReset, ...]:
    """The newest reset of each symbol (empty: of all), oldest first."""
    rows = select(KillResetRow.__table__).where(KillResetRow.account == account).order_by(KillResetRow.place)
    newest: dict[str, KillReset] = {}
    for row in connection.execute(rows).mappings():
        newest.pop(row["symbol"], None)
        newest[row["symbol"]] = KILL_RESETS.value(row)
    return tuple(newest.values())
