"""Real venues: small facts of an account that outlive the process, and how long an order lasts."""

import sqlalchemy as sa
from alembic import op

from storage.columns import Words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "venue_memory",
        *(sa.Column(name, Words(), nullable=False) for name in ("account", "key", "value")),
        sa.PrimaryKeyConstraint("account", "key", name="pk_venue_memory"),
        sqlite_with_rowid=False,
    )
    op.add_column("orders", sa.Column("time_in_force", Words(), nullable=False, server_default="GTC"))
