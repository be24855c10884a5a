"""Phantoms: which model gave the score, and what was asked of it."""

import sqlalchemy as sa
from alembic import op

from storage.columns import Words

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Those that are there were scored by nobody knows whom."""
    op.add_column("phantoms", sa.Column("model", Words(), nullable=False, server_default=sa.text("''")))
    op.add_column("phantoms", sa.Column("model_threshold", sa.Double(), nullable=True))
    op.create_index("ix_phantoms_account_model", "phantoms", ["account", "model"])
