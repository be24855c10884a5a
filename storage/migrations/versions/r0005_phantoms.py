"""Phantoms: every signal followed to its end."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from storage.columns import MOMENT, Words

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "phantoms",
        *_columns(Words(), "account strategy symbol"),
        *_columns(MOMENT, "bar_at decided_at"),
        *_columns(Words(), "side"),
        *_columns(sa.Double(), "score reference_price stop_price target_price"),
        *_columns(Words(), "anchor refused_by"),
        *_columns(sa.Double(), "model_score", null=True),
        *_columns(sa.Double(), "quantity"),
        *_columns(sa.Boolean(), "sized"),
        *_columns(sa.BigInteger(), "bar_ms"),
        *_columns(sa.Integer(), "lookahead"),
        *_columns(sa.Double(), "slippage fee"),
        *_columns(Words(), "features feature_hash"),
        *_ending(),
        sa.PrimaryKeyConstraint("account", "strategy", "symbol", "bar_at", name="pk_phantoms"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_phantoms_account_decided_at", "phantoms", ["account", "decided_at"])
    op.create_index("ix_phantoms_account_finished_at", "phantoms", ["account", "finished_at"])


def _ending() -> list[sa.Column[Any]]:
    """Empty until a phantom has ended."""
    return [
        *_columns(Words(), "outcome", null=True),
        *_columns(MOMENT, "entry_at", null=True),
        *_columns(sa.Double(), "entry_price", null=True),
        *_columns(MOMENT, "exit_at", null=True),
        *_columns(sa.Double(), "exit_price", null=True),
        *_columns(sa.Integer(), "bars", null=True),
        *_columns(sa.Double(), "adverse favourable net_return net", null=True),
        *_columns(MOMENT, "finished_at", null=True),
    ]


def _columns(kind: TypeEngine[Any], names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names.split()]
