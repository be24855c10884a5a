"""Every table, typed. Rows of trading belong to an account (venue:mode:name): none sees those of another."""

from storage.schema.base import Base
from storage.schema.desk import (
    CommandRow,
    DeliveryRow,
    NoticeRow,
    OutboxCursorRow,
    PaperPieceRow,
    PreferenceRow,
    VenueFactRow,
)
from storage.schema.guards import (
    HaltRow,
    KillResetRow,
    KillRow,
    SettingChangeRow,
    SettingRow,
)
from storage.schema.learning import (
    PhantomRow,
)
from storage.schema.market import (
    CandleRow,
    FundingRow,
)
from storage.schema.people import (
    AccessRequestRow,
    CodeKeyRow,
    EscalationRow,
    GrantRow,
    LastSeenRow,
    UpdateRow,
)
from storage.schema.research import (
    ProposalRow,
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
    TradeNoteRow,
    TradeRow,
)

__all__ = [
    "AccessRequestRow",
    "Base",
    "CandleRow",
    "CodeKeyRow",
    "CommandRow",
    "DayRow",
    "DeliveryRow",
    "DifferenceRow",
    "EntryRow",
    "EquityRow",
    "EscalationRow",
    "FillRow",
    "FundingRow",
    "GrantRow",
    "HaltRow",
    "JournalLine",
    "KillResetRow",
    "KillRow",
    "LastSeenRow",
    "NoticeRow",
    "OrderRow",
    "OutboxCursorRow",
    "PaperPieceRow",
    "PhantomRow",
    "PositionRow",
    "PostingRow",
    "PreferenceRow",
    "ProposalRow",
    "RunRow",
    "SettingChangeRow",
    "SettingRow",
    "SignalRow",
    "TradeNoteRow",
    "TradeRow",
    "UpdateRow",
    "VenueFactRow",
]
