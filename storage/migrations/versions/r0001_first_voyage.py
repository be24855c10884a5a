"""The first tables: journal and trading books, guards, market, and what belongs to people."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from storage.columns import MOMENT, MONEY, Words

revision = "0001"
down_revision = None


def upgrade() -> None:
    _trading()
    _trades()
    _money()
    _series()
    _market()
    _guards()
    _desk()
    _audit()


def _columns(kind: TypeEngine[Any], names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names.split()]


def _words(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return _columns(Words(), names, null)


def _sums(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return _columns(MONEY, names, null)


def _times(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return _columns(MOMENT, names, null)


def _counts(names: str) -> list[sa.Column[Any]]:
    return _columns(sa.Integer(), names)


def _numbers(names: str) -> list[sa.Column[Any]]:
    return _columns(sa.BigInteger(), names)


def _floats(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return _columns(sa.Double(), names, null)


def _flags(names: str) -> list[sa.Column[Any]]:
    return _columns(sa.Boolean(), names)


def _bytes(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return _columns(sa.LargeBinary(), names, null)


def _table(name: str, key: str, *columns: Iterable[SchemaItem], clustered: bool = True) -> None:
    primary = sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}")
    op.create_table(name, *chain.from_iterable(columns), primary, sqlite_with_rowid=not clustered)


def _index(table: str, names: str) -> None:
    op.create_index(f"ix_{table}_{names.replace(' ', '_')}", table, names.split())


def _trading() -> None:
    _table(
        "journal",
        "account number",
        _words("account"),
        _numbers("number"),
        _times("at"),
        _words("kind"),
        _bytes("body"),
        _bytes("digest", null=True),
        clustered=False,
    )
    _index("journal", "account at")
    _table(
        "orders",
        "account client_id",
        _words("account client_id symbol side purpose type"),
        _sums("quantity"),
        _words("decision_id"),
        _counts("attempt"),
        _sums("limit_price trigger_price", null=True),
        _flags("reduce_only close_position"),
        _sums("expected_price"),
        _words("reason", null=True),
        _words("rule_set status"),
        _times("created_at updated_at"),
        _sums("filled average_price"),
        _words("venue_id note"),
    )
    _index("orders", "account status")
    _table(
        "fills",
        "account symbol trade_id",
        _words("account symbol trade_id side"),
        _sums("quantity price fee"),
        _times("at"),
        _words("client_id venue_order_id fee_asset"),
        _flags("maker liquidation"),
    )
    _index("fills", "account at")


def _trades() -> None:
    _table(
        "positions",
        "account symbol",
        _words("account symbol"),
        _sums("quantity entry_price"),
        _counts("leverage"),
        _sums("isolated_margin"),
        _words("open_trade", null=True),
    )
    _table(
        "trades",
        "account place",
        _words("account"),
        _numbers("place"),
        _words("id symbol side strategy"),
        _sums("quantity entry_price exit_price"),
        _times("opened_at closed_at"),
        _words("reason"),
        _sums("gross fees funding net slippage risk r_multiple"),
        _floats("score"),
        _sums("stop_price"),
        _sums("target_price", null=True),
        _counts("leverage"),
    )
    _index("trades", "account closed_at")
    _index("trades", "account symbol place")
    _table(
        "signals",
        "account place",
        _words("account"),
        _numbers("place"),
        _words("id"),
        _times("at"),
        _words("symbol strategy"),
        _words("side", null=True),
        _floats("score"),
        _words("refused_by"),
        _sums("quantity notional"),
        _words("client_id"),
        _floats("model_score", null=True),
        _words("body"),
    )
    _index("signals", "account symbol place")


def _money() -> None:
    _table(
        "ledger_entries",
        "account place",
        _words("account"),
        _numbers("place"),
        _times("at"),
        _words("kind symbol reference"),
    )
    _index("ledger_entries", "account at")
    entry = sa.ForeignKeyConstraint(
        ["account", "place"],
        ["ledger_entries.account", "ledger_entries.place"],
        name="fk_postings_ledger_entries",
    )
    _table(
        "postings",
        "account place line",
        _words("account"),
        _numbers("place"),
        _counts("line"),
        _words("book"),
        _sums("amount"),
        [entry],
    )


def _series() -> None:
    _table(
        "account_stats",
        "account at",
        _words("account"),
        _times("at"),
        _sums("equity wallet"),
        _counts("open_positions"),
    )
    _table(
        "day_figures",
        "account day",
        _words("account"),
        _numbers("day"),
        _times("at"),
        _sums("start_equity realised"),
        _counts("trades"),
        _flags("breached"),
    )
    _table(
        "differences",
        "account place",
        _words("account"),
        _numbers("place"),
        _times("at"),
        _words("symbol kind ours theirs done"),
    )


def _market() -> None:
    _table(
        "candles",
        "account timeframe open_at symbol",
        _words("account timeframe"),
        _times("open_at"),
        _words("symbol"),
        _floats("open high low close volume"),
    )
    _table(
        "funding", "account symbol next_at", _words("account symbol"), _times("next_at at"), _floats("rate")
    )


def _guards() -> None:
    _table(
        "kill_switches",
        "account symbol kind at",
        _words("account symbol kind"),
        _times("at"),
        _words("figures"),
        _times("lifted_at", null=True),
    )
    _table(
        "kill_resets",
        "account place",
        _words("account"),
        _numbers("place"),
        _words("symbol"),
        _times("at"),
        _words("actor reason"),
    )
    _table(
        "halts",
        "account symbol kind at",
        _words("account symbol kind"),
        _times("at until"),
        _words("figures"),
        _times("lifted_at", null=True),
    )
    _index("halts", "account lifted_at until")
    _table("settings", "account key", _words("account key value"), _times("at"))
    _table(
        "setting_changes",
        "account place",
        _words("account"),
        _numbers("place"),
        _times("at"),
        _words("key value actor before after"),
    )


def _desk() -> None:
    _table(
        "runs",
        "account number",
        _words("account"),
        _numbers("number"),
        _times("started_at"),
        _times("ended_at", null=True),
    )
    _table(
        "notices",
        "account place",
        _words("account"),
        _numbers("place"),
        _times("at"),
        _counts("urgency"),
        _words("kind severity symbol title body"),
    )
    _table("outbox_cursors", "account platform", _words("account platform"), _numbers("through"))
    _table(
        "deliveries", "account platform place", _words("account platform"), _numbers("place"), _times("at")
    )
    _table("updates", "platform update_id", _words("platform update_id"), _times("at"))
    _table("preferences", "user_id kind", _words("user_id kind setting"))
    _table("paper_books", "account kind key", _words("account kind key body"))


def _audit() -> None:
    _table(
        "commands",
        "account number",
        _words("account"),
        _numbers("number"),
        _times("at"),
        _words("platform user_id chat_id command arguments outcome changes"),
        _numbers("journal_number"),
        _words("digest"),
        clustered=False,
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


REFUSAL = "the audit trail is append-only"
APPEND_ONLY = {
    "sqlite": (
        f"CREATE TRIGGER commands_no_update BEFORE UPDATE ON commands BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
        f"CREATE TRIGGER commands_no_delete BEFORE DELETE ON commands BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    ),
    "postgresql": (
        f"""CREATE FUNCTION commands_are_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$""",
        """CREATE TRIGGER commands_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON commands
        FOR EACH STATEMENT EXECUTE FUNCTION commands_are_append_only()""",
    ),
}
