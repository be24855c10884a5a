"""Every table, typed. Rows of trading belong to an account (venue:mode:name): none sees those of another."""

from storage.schema.base import Base
from storage.schema.desk import (
    CommandRow,
    DeliveryRow,
    NoticeRow,
    OutboxCursorRow,
    PaperPieceRow,
    PreferenceRow,
    UpdateRow,
    VenueFactRow,
)
from storage.schema.guards import (
    HaltRow,
    KillResetRow,
    KillRow,
    SettingChangeRow,
    SettingRow,
)
from storage.schema.market import (
    CandleRow,
    FundingRow,
)
from storage.schema.trading import (
    DayRow,
    DifferenceRow,
    EntryRow,
    EquityRow,
    FillRow,
    JournalLine,
    OrderRow,
    PositionRow,
    PostingRow,
    RunRow,
    SignalRow,
    TradeRow,
)

__all__ = [
    "Base",
    "CandleRow",
    "CommandRow",
    "DayRow",
    "DeliveryRow",
    "DifferenceRow",
    "EntryRow",
    "EquityRow",
    "FillRow",
    "FundingRow",
    "HaltRow",
    "JournalLine",
    "KillResetRow",
    "KillRow",
    "NoticeRow",
    "OrderRow",
    "OutboxCursorRow",
    "PaperPieceRow",
    "PositionRow",
    "PostingRow",
    "PreferenceRow",
    "RunRow",
    "SettingChangeRow",
    "SettingRow",
    "SignalRow",
    "TradeRow",
    "UpdateRow",
    "VenueFactRow",
]
