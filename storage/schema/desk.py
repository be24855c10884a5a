"""What belongs to the desk: notices on their way, the audit trail, wishes; and a paper venue's own books."""

from sqlalchemy.orm import Mapped

from storage.schema.base import CLUSTERED, Base, Count, Key, Moment, NumberKey, OfAccount, Placed


class NoticeRow(Placed, Base):
    """The outbox: one row per notice, whoever it is for. `urgency` 0 goes first."""

    __tablename__ = "notices"
    __table_args__ = CLUSTERED

    at: Mapped[Moment]
    urgency: Mapped[Count]
    kind: Mapped[str]
    severity: Mapped[str]
    symbol: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]


class OutboxCursorRow(OfAccount, Base):
    """Up to where a platform has had every notice."""

    __tablename__ = "outbox_cursors"
    __table_args__ = CLUSTERED

    platform: Mapped[Key]
    through: Mapped[int]


class DeliveryRow(OfAccount, Base):
    """A notice that a platform has had out of order, beyond its cursor."""

    __tablename__ = "deliveries"
    __table_args__ = CLUSTERED

    platform: Mapped[Key]
    place: Mapped[NumberKey]
    at: Mapped[Moment]


class CommandRow(OfAccount, Base):
    """The audit trail: append-only (triggers hold it), each entry chained to the last by its digest."""

    __tablename__ = "commands"

    number: Mapped[NumberKey]
    at: Mapped[Moment]
    platform: Mapped[str]
    user_id: Mapped[str]
    chat_id: Mapped[str]
    command: Mapped[str]
    arguments: Mapped[str]
    outcome: Mapped[str]
    changes: Mapped[str]
    journal_number: Mapped[int]
    digest: Mapped[str]


class PreferenceRow(Base):
    """A person's wish for one kind of notice. Belongs to the person, whichever account speaks."""

    __tablename__ = "preferences"
    __table_args__ = CLUSTERED

    user_id: Mapped[Key]
    kind: Mapped[Key]
    setting: Mapped[str]


class PaperPieceRow(OfAccount, Base):
    """One piece of a paper venue's own books."""

    __tablename__ = "paper_books"
    __table_args__ = CLUSTERED

    kind: Mapped[Key]
    key: Mapped[Key]
    body: Mapped[str]


class VenueFactRow(OfAccount, Base):
    """A small fact of a venue account that outlives the process."""

    __tablename__ = "venue_memory"
    __table_args__ = CLUSTERED

    key: Mapped[Key]
    value: Mapped[str]
