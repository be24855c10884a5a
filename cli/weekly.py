"""The weekly report of a running house: facts from the ledger, the rest from a worker, proposals into the book."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.domain.account import EquityPoint
from bot.domain.errors import QuarterdeckError
from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.domain.trade import Trade
from bot.engine.views import KillView
from bot.periods import Period, per_period
from bot.runtime.codec import decode, encode
from bot.runtime.desk import Desk
from bot.runtime.ports import TradeQuery
from bot.strategy import Frame
from cli.lab import WorkerLab
from cli.workshop.asking import WeeklyAnswer, WeeklyAsked
from cli.workshop.crew import Task
from cli.workshop.parcel import packed
from cli.workshop.weekly_page import lines, title_of
from handlers.lab import Told, WeeklyOrder, WeeklyResult
from handlers.learning import NoProposals, ProposalBook
from handlers.reply import Attachment
from research.weekly.facts import SymbolFacts, WeekFacts, WeekSpan
from research.weekly.report import WeeklyReport

WEEKLY_S = 3_600.0
WARMUP_BARS = 500
"""Before the first day that is tested; a worker cuts it to what each strategy needs."""
NO_VENUE = "History was not refreshed: this desk has no source of candles."
type History = Callable[[Sequence[str], str, int], Awaitable[Mapping[str, Frame]]]
"""Asks the venue for so many of the last candles of symbols."""


@dataclass(slots=True)
class WeeklyLab(WorkerLab):
    """A laboratory that makes weekly reports too. `history` is the venue's own; None: there is no source."""

    book: ProposalBook | None = None
    history: History | None = None
    history_days: int = 35
    trend_weeks: int = 8

    async def weekly(self, order: WeeklyOrder, told: Told) -> WeeklyResult | Refused:
        """Facts, candles, the work elsewhere, proposals into the book; steps that fail are named in the report."""
        if refused := self.crew.refusal(order.user):
            return refused
        with self.crew.place(order.user, "a weekly report"):
            await told(0.0, "history")
            unknown: list[tuple[str, str]] = []
            frames, no_source = await self._candles(unknown)
            facts = await week_facts(self.desk, order.back, self.trend_weeks, self._symbols(), unknown)
            asked = WeeklyAsked(self.place, facts, self.history_days, no_source)
            parcel = await asyncio.to_thread(lambda: packed("weekly", encode(asked), frames))
            found = await self._run(Task(order.user, "a weekly report", parcel, WEEKLY_S), told)
            if isinstance(found, Refused):
                return found
            answer = await asyncio.to_thread(decode, found, WeeklyAnswer)
            return await self._filed(answer)

    def _symbols(self) -> tuple[SymbolFacts, ...]:
        """Every traded symbol with its parameters and costs as they are now."""
        chosen = (self._symbol(one.symbol, "") for one in self.settings.symbols)
        return tuple(SymbolFacts(one.symbol, self.plan(one), dict(one.parameters)) for one in chosen)

    async def _candles(self, unknown: list[tuple[str, str]]) -> tuple[list[Frame], str]:
        """Every symbol's candles: the venue's where it answers, else what the desk has; and why there is no source."""
        frames, failed = [], []
        bars = self.history_days * DAY_MS // self.settings.bar_ms
        for one in self.settings.symbols:
            fresh = None
            if self.history is not None:
                try:
                    fresh = (await self.history([one.symbol], self.settings.timeframe, bars)).get(one.symbol)
                except QuarterdeckError:
                    failed.append(one.symbol)
            known = await self._live(one.symbol, self.history_days, WARMUP_BARS)
            frames.append(fresh if fresh is not None and len(fresh) > len(known) else known)
        if failed:
            unknown.append(("history", f"the venue gave no candles of {', '.join(failed[:5])}"))
        return frames, "" if self.history is not None else NO_VENUE

    async def _filed(self, answer: WeeklyAnswer) -> WeeklyResult:
        """Let the alternatives wait; a book that cannot be written is named."""
        report, book = answer.report, self.book or NoProposals()
        names: list[str] = []
        shown = list(lines(report))
        try:
            names += [(await book.file(draft)).id for draft in report.alternatives]
        except QuarterdeckError:
            shown.append(("Failed", "proposals: the book of proposals could not be written"))
        page = Path(answer.page)
        content = await asyncio.to_thread(page.read_bytes)
        return WeeklyResult(
            title=title_of(report),
            lines=tuple(shown),
            points=report.points,
            file=Attachment(page.name, content, "text/html"),
            proposals=tuple(names),
            picture=f"{report.label}.json",
            page=page.name,
        )


async def week_facts(
    desk: Desk,
    back: int,
    weeks: int,
    symbols: tuple[SymbolFacts, ...],
    unknown: Sequence[tuple[str, str]] = (),
) -> WeekFacts:
    """What the ledger and the engine know of a week and of the weeks before it; what fails is named."""
    zone, now_ms = ZoneInfo(desk.about.timezone), desk.now_ms()
    spans = week_spans(zone, now_ms, back, weeks)
    first, failed = spans[0].begins_at_ms, list(unknown)
    trades: tuple[Trade, ...] = ()
    points: tuple[EquityPoint, ...] = ()
    kills: tuple[KillView, ...] = ()
    try:
        trades = await desk.trades(TradeQuery(since_ms=first))
        points = await desk.equity(first)
    except QuarterdeckError:
        failed.append(("live trades", "the ledger could not be read"))
    try:
        kills = desk.kills()
    except QuarterdeckError:
        failed.append(("kill switches", "they could not be read"))
    return WeekFacts(
        mode=desk.about.mode,
        quote=desk.about.quote,
        zone=desk.about.timezone,
        now_ms=now_ms,
        weeks=spans,
        trades=trades,
        points=points,
        kills=kills,
        symbols=symbols,
        unknown=tuple(failed),
    )


def week_spans(zone: ZoneInfo, now_ms: int, back: int, weeks: int) -> tuple[WeekSpan, ...]:
    """The reported week and those before it, oldest first; the present one ends a moment from now."""
    found = per_period((), Period.WEEK, zone, now_ms, back + weeks)
    ends = [*(one.begins_at_ms for one in found[1:]), now_ms + 1]
    spans = [WeekSpan(one.label, one.begins_at_ms, end) for one, end in zip(found, ends, strict=True)]
    return tuple(spans[:weeks])


def kept_report(folder: Path, name: str) -> WeeklyReport | None:
    """A report as it was kept; None when there is none of that name."""
    path = folder / Path(name).name
    return decode(path.read_bytes(), WeeklyReport) if path.is_file() else None
