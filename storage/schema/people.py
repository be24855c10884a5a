"""What belongs to people: what they said, who may speak, their code keys, and what waits for somebody's answer."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import CLUSTERED, Base, Count, Key, Moment, NumberKey, OfAccount

NOTHING = text("''")


class UpdateRow(Base):
    """A chat platform's update and what became of it. Belongs to the platform, whichever account it spoke to.

    `sent_at` is NULL in rows from before revision 0003, which know only that they are over.
    """

    __tablename__ = "updates"
    __table_args__ = (Index(None, "state", "at"), CLUSTERED)

    platform: Mapped[Key]
    update_id: Mapped[Key]
    at: Mapped[Moment]
    user_id: Mapped[str] = mapped_column(server_default=NOTHING)
    chat_id: Mapped[str] = mapped_column(server_default=NOTHING)
    line: Mapped[str] = mapped_column(server_default=NOTHING)
    state: Mapped[str] = mapped_column(server_default="ended")
    sent_at: Mapped[Moment | None]


class GrantRow(Base):
    """Access given or taken at run time; only ever added, the highest number of a user is in force."""

    __tablename__ = "grants"
    __table_args__ = CLUSTERED

    user_id: Mapped[Key]
    number: Mapped[NumberKey]
    role: Mapped[str]
    granted_by: Mapped[str]
    until: Mapped[Moment | None]
    at: Mapped[Moment]


class AccessRequestRow(Base):
    """A stranger's newest request for access; `decided_at` NULL while it is open."""

    __tablename__ = "access_requests"
    __table_args__ = CLUSTERED

    user_id: Mapped[Key]
    name: Mapped[str]
    asked_at: Mapped[Moment]
    decided_at: Mapped[Moment | None]


class LastSeenRow(Base):
    """When a crew member was last heard of, and by which name."""

    __tablename__ = "last_seen"
    __table_args__ = CLUSTERED

    user_id: Mapped[Key]
    name: Mapped[str]
    at: Mapped[Moment]


class CodeKeyRow(Base):
    """A person's one-time code key; the secret is as good as the person's second factor."""

    __tablename__ = "code_keys"
    __table_args__ = CLUSTERED

    user_id: Mapped[Key]
    secret: Mapped[str]
    confirmed: Mapped[bool]
    used_step: Mapped[int]
    failures: Mapped[int]
    locked_until: Mapped[Moment | None]


class EscalationRow(OfAccount, Base):
    """A critical notice (by its place) until somebody acknowledges it."""

    __tablename__ = "escalations"
    __table_args__ = (Index(None, "account", "acknowledged_at"), CLUSTERED)

    place: Mapped[NumberKey]
    at: Mapped[Moment]
    step: Mapped[Count]
    told_at: Mapped[Moment | None]
    acknowledged_at: Mapped[Moment | None]
    acknowledged_by: Mapped[str]
