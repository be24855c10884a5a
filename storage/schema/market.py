"""What the market told us."""

from sqlalchemy.orm import Mapped

from storage.schema.base import CLUSTERED, Base, Key, Moment, MomentKey, OfAccount


class CandleRow(OfAccount, Base):
    """A closed candle. Clustered by time: a bar of all symbols is one spot, and so are the last bars of a start."""

    __tablename__ = "candles"
    __table_args__ = CLUSTERED

    timeframe: Mapped[Key]
    open_at: Mapped[MomentKey]
    symbol: Mapped[Key]
    open: Mapped[float]
    high: Mapped[float]
    low: Mapped[float]
    close: Mapped[float]
    volume: Mapped[float]


class FundingRow(OfAccount, Base):
    """The last rate seen before each funding settlement (`next_at`)."""

    __tablename__ = "funding"
    __table_args__ = CLUSTERED

    symbol: Mapped[Key]
    next_at: Mapped[MomentKey]
    at: Mapped[Moment]
    rate: Mapped[float]
