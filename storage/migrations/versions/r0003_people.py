"""People: updates keep who said what and what became of it; access, code keys, escalations, notes on trades."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.columns import MOMENT, Words

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _updates()
    _access()
    _codes()
    _escalations()
    _notes()


def _words(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, Words(), nullable=False) for name in names.split()]


def _times(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, MOMENT, nullable=null, autoincrement=False) for name in names.split()]


def _numbers(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False) for name in names.split()]


def _table(name: str, key: str, *columns: sa.Column[Any]) -> None:
    primary = sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}")
    op.create_table(name, *columns, primary, sqlite_with_rowid=False)


def _updates() -> None:
    """What was claimed before is over: it was run or refused then."""
    for name, before in (("user_id", "''"), ("chat_id", "''"), ("line", "''"), ("state", "'ended'")):
        op.add_column("updates", sa.Column(name, Words(), nullable=False, server_default=sa.text(before)))
    op.add_column("updates", sa.Column("sent_at", MOMENT, nullable=True))
    op.create_index("ix_updates_state_at", "updates", ["state", "at"])


def _access() -> None:
    _table(
        "grants",
        "user_id number",
        *_words("user_id"),
        *_numbers("number"),
        *_words("role granted_by"),
        *_times("until", null=True),
        *_times("at"),
    )
    _table(
        "access_requests",
        "user_id",
        *_words("user_id name"),
        *_times("asked_at"),
        *_times("decided_at", null=True),
    )
    _table("last_seen", "user_id", *_words("user_id name"), *_times("at"))


def _codes() -> None:
    _table(
        "code_keys",
        "user_id",
        *_words("user_id secret"),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        *_numbers("used_step failures"),
        *_times("locked_until", null=True),
    )


def _escalations() -> None:
    _table(
        "escalations",
        "account place",
        *_words("account"),
        *_numbers("place"),
        *_times("at"),
        sa.Column("step", sa.Integer(), nullable=False),
        *_times("told_at acknowledged_at", null=True),
        *_words("acknowledged_by"),
    )
    op.create_index("ix_escalations_account_acknowledged_at", "escalations", ["account", "acknowledged_at"])


def _notes() -> None:
    _table(
        "trade_notes",
        "account place",
        *_words("account"),
        *_numbers("place"),
        *_times("at"),
        *_words("symbol"),
        *_times("opened_at"),
        *_words("text author"),
    )
    op.create_index("ix_trade_notes_account_symbol_place", "trade_notes", ["account", "symbol", "place"])
