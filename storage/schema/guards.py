"""What keeps the desk from entries, and what people changed at run time."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from storage.schema.base import CLUSTERED, Base, Key, Moment, MomentKey, OfAccount, Placed


class KillRow(OfAccount, Base):
    """A kill switch, in force until lifted."""

    __tablename__ = "kill_switches"
    __table_args__ = CLUSTERED

    symbol: Mapped[Key]
    kind: Mapped[Key]
    at: Mapped[MomentKey]
    figures: Mapped[str]
    lifted_at: Mapped[Moment | None]


class KillResetRow(Placed, Base):
    """A kill switch lifted, or its counters restarted."""

    __tablename__ = "kill_resets"
    __table_args__ = CLUSTERED

    symbol: Mapped[str]
    at: Mapped[Moment]
    actor: Mapped[str]
    reason: Mapped[str]


class HaltRow(OfAccount, Base):
    """A halt; `until` zero means until lifted."""

    __tablename__ = "halts"
    __table_args__ = (Index(None, "account", "lifted_at", "until"), CLUSTERED)

    symbol: Mapped[Key]
    kind: Mapped[Key]
    at: Mapped[MomentKey]
    until: Mapped[Moment]
    figures: Mapped[str]
    lifted_at: Mapped[Moment | None]


class SettingRow(OfAccount, Base):
    """A run-time setting as it is now, JSON."""

    __tablename__ = "settings"
    __table_args__ = CLUSTERED

    key: Mapped[Key]
    value: Mapped[str]
    at: Mapped[Moment]


class SettingChangeRow(Placed, Base):
    """A run-time change: when, who, from, to."""

    __tablename__ = "setting_changes"
    __table_args__ = CLUSTERED

    at: Mapped[Moment]
    key: Mapped[str]
    value: Mapped[str]
    actor: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
