"""Proposals: what research asks of people, and what they said."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.columns import MOMENT, Words

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "proposals",
        *_words("account"),
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        *_times("at expires_at"),
        *_words("kind title source changes figures body state"),
        *_times("decided_at", null=True),
        *_words("decided_by reason"),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "number", name="pk_proposals"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_proposals_account_state", "proposals", ["account", "state"])


def _words(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, Words(), nullable=False) for name in names.split()]


def _times(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, MOMENT, nullable=null, autoincrement=False) for name in names.split()]
