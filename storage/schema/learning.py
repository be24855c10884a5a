"""What models learn from and are judged by: signals followed to their end."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import CLUSTERED, Base, Count, Key, Moment, MomentKey, OfAccount


class PhantomRow(OfAccount, Base):
    """A signal that is followed beside trading; what it came to is empty until it has ended (`finished_at`).

    `refused_by` is empty when it was taken, `model` when none gave a score or nobody noted which; `features`
    is a JSON list (null: missing) in the order of `feature_hash`.
    """

    __tablename__ = "phantoms"
    __table_args__ = (
        Index(None, "account", "decided_at"),
        Index(None, "account", "finished_at"),
        Index(None, "account", "model"),
        CLUSTERED,
    )

    strategy: Mapped[Key]
    symbol: Mapped[Key]
    bar_at: Mapped[MomentKey]
    decided_at: Mapped[Moment]
    side: Mapped[str]
    score: Mapped[float]
    reference_price: Mapped[float]
    stop_price: Mapped[float]
    target_price: Mapped[float]
    anchor: Mapped[str]
    refused_by: Mapped[str]
    model_score: Mapped[float | None]
    quantity: Mapped[float]
    sized: Mapped[bool]
    bar_ms: Mapped[int]
    lookahead: Mapped[Count]
    slippage: Mapped[float]
    fee: Mapped[float]
    features: Mapped[str]
    feature_hash: Mapped[str]
    outcome: Mapped[str | None]
    entry_at: Mapped[Moment | None]
    entry_price: Mapped[float | None]
    exit_at: Mapped[Moment | None]
    exit_price: Mapped[float | None]
    bars: Mapped[Count | None]
    adverse: Mapped[float | None]
    favourable: Mapped[float | None]
    net_return: Mapped[float | None]
    net: Mapped[float | None]
    finished_at: Mapped[Moment | None]
    model: Mapped[str] = mapped_column(server_default=text("''"))
    model_threshold: Mapped[float | None]
