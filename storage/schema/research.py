"""What research asks of people: proposals that wait for a word."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from storage.schema.base import CLUSTERED, Base, Moment, NumberKey, OfAccount


class ProposalRow(OfAccount, Base):
    """A proposal and what became of it; `body` is what its kind applies, `changes` and `figures` what people see."""

    __tablename__ = "proposals"
    __table_args__ = (Index(None, "account", "state"), CLUSTERED)

    number: Mapped[NumberKey]
    at: Mapped[Moment]
    expires_at: Mapped[Moment]
    kind: Mapped[str]
    title: Mapped[str]
    source: Mapped[str]
    changes: Mapped[str]
    figures: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    decided_at: Mapped[Moment | None]
    decided_by: Mapped[str]
    reason: Mapped[str]
    change_id: Mapped[int]
