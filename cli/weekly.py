"""The weekly report of a running house: facts from the ledger, the rest from a worker, proposals into the book."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.domain.account import EquityPoint
from bot.domain.decision import Decision
from bot.domain.errors import QuarterdeckError, StorageError
from bot.domain.market import DAY_MS
from bot.domain.refusal import Refused
from bot.periods import Period, per_period
from bot.runtime.codec import decode, encode
from bot.runtime.desk import Desk
from bot.runtime.ports import TradeQuery
from bot.strategy import Frame
from bot.venues.port import VenueUnavailable
from cli.lab import WorkerLab
from cli.workshop.asking import WeeklyAnswer, WeeklyAsked, nothing_of
from cli.workshop.crew import Task
from cli.workshop.parcel import packed
from cli.workshop.weekly_page import lines, title_of
from handlers.lab import Told, WeeklyOrder, WeeklyResult
from handlers.learning import ModelShelf, NoProposals, Nothing, ProposalBook
from handlers.reply import Attachment
from research.weekly.facts import Held, ModelFacts, Refusal, SymbolFacts, WeekFacts, WeekSpan
from research.weekly.report import WeeklyReport

NAME = "a weekly report"
WEEKLY_S = 3_600.0
LOST = frozenset({"died", "slow"})
"""Ends of a worker that are not a person's wish."""
NAMED = 5
GIVEN_UP = 3
"""A venue that is silent about so many symbols, and has told none, is not asked for the others."""
UNREAD_CANDLES = ("history", "the desk's own candles could not be read from the database")
UNREAD_GATES = ("live trades", "why entries were missed could not be read")
MOST_DECISIONS = 5_000
WARMUP_BARS = 500
"""Before the first day that is tested; a worker cuts it to what each strategy needs."""
NO_VENUE = "History was not refreshed: this desk has no source of candles."
log = logging.getLogger(__name__)

type History = Callable[[Sequence[str], str, int], Awaitable[Mapping[str, Frame]]]
"""Asks the venue for so many of the last candles of symbols."""


@dataclass(slots=True)
class WeeklyLab(WorkerLab):
    """A laboratory that makes weekly reports too. `history` is the venue's own; None: there is no source.

    `shelf` is asked what models there are. Without a `book` alternatives are only shown.
    """

    book: ProposalBook | None = None
    history: History | None = None
    shelf: ModelShelf = field(default_factory=Nothing)
    history_days: int = 35
    trend_weeks: int = 8
    no_source: str = NO_VENUE

    async def weekly(self, order: WeeklyOrder, told: Told) -> WeeklyResult | Refused:
        """Facts, candles, the work elsewhere, proposals into the book; steps that fail are named in the report."""
        answer = await self.report(order, told)
        return answer if isinstance(answer, Refused) else await self._filed(answer)

    async def report(
        self, order: WeeklyOrder, told: Told, unknown: Sequence[tuple[str, str]] = ()
    ) -> WeeklyAnswer | Refused:
        """The report alone; `unknown` are steps that are known to have failed, and why."""
        if refused := self.crew.refusal(order.user):
            return refused
        with self.crew.place(order.user, NAME):
            await told(0.0, "history")
            failed = list(unknown)
            frames, no_source = await self._candles(failed)
            facts = await self._facts(order.back)
            facts = replace(facts, unknown=(*failed, *facts.unknown))
            asked = WeeklyAsked(self.place, facts, self.history_days, no_source)
            found = await self._made(order.user, asked, frames, told)
            if isinstance(found, Refused) and found.rule in LOST:  # what needs no backtest still comes
                found = await self._made(order.user, replace(asked, without=found.figures), (), told)
            if isinstance(found, Refused):
                return found
            return await asyncio.to_thread(decode, found, WeeklyAnswer)

    async def _made(
        self, user: str, asked: WeeklyAsked, frames: Sequence[Frame], told: Told
    ) -> bytes | Refused:
        parcel = await asyncio.to_thread(lambda: packed("weekly", encode(asked), frames))
        return await self._run(Task(user, NAME, parcel, WEEKLY_S), told)

    async def _facts(self, back: int) -> WeekFacts:
        return await week_facts(self.desk, self.shelf, back, self.trend_weeks, self._symbols())

    def _symbols(self) -> tuple[SymbolFacts, ...]:
        """Every traded symbol with its parameters and costs as they are now."""
        chosen = (self._symbol(one.symbol, "") for one in self.settings.symbols)
        return tuple(SymbolFacts(one.symbol, self.plan(one), dict(one.parameters)) for one in chosen)

    async def _candles(self, failed: list[tuple[str, str]]) -> tuple[list[Frame], str]:
        """Every symbol's candles: the venue's where it answers, else what the desk has; and why there is no source."""
        frames: list[Frame] = []
        silent: list[str] = []
        fetched: list[str] = []
        unread: list[str] = []
        bars = self.history_days * DAY_MS // self.settings.bar_ms
        for symbol in (one.symbol for one in self.settings.symbols):
            own = await self.own_candles(symbol, self.history_days, WARMUP_BARS, unread)
            dead = len(silent) >= GIVEN_UP and not fetched
            fresh = None if dead else await self.venue_candles(symbol, bars)
            if self.history is not None:
                (fetched if fresh else silent).append(symbol)
            frames.append(longer(own, fresh))
        failed += [UNREAD_CANDLES] if unread else []
        if silent:
            more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
            failed.append(("history", f"the venue gave no candles of {', '.join(silent[:NAMED])}{more}"))
        return frames, "" if self.history is not None else self.no_source

    async def own_candles(self, symbol: str, days: int, warmup: int, unread: list[str]) -> Frame:
        """The desk's own candles; none where its books cannot be read, and the symbol is added to `unread`."""
        try:
            return await self.live(symbol, days, warmup)
        except StorageError:
            log.warning("the desk's own candles of %s cannot be read", symbol, exc_info=True)
            unread.append(symbol)
            return nothing_of(symbol, self.settings.bar_ms)

    async def venue_candles(self, symbol: str, bars: int) -> Frame | None:
        """The venue's last ones, which may be none; None where it does not answer, or there is none to ask."""
        if self.history is None:
            return None
        try:
            found = await self.history([symbol], self.settings.timeframe, bars)
        except (QuarterdeckError, VenueUnavailable):
            log.warning("the venue gave no candles of %s", symbol, exc_info=True)
            return None
        return found.get(symbol, nothing_of(symbol, self.settings.bar_ms))

    async def _filed(self, answer: WeeklyAnswer) -> WeeklyResult:
        """Let the alternatives wait; a book that cannot be written is named."""
        report, book = answer.report, self.book or NoProposals()
        names: list[str] = []
        failed: list[tuple[str, str]] = []
        try:
            for draft in report.alternatives:
                names.append((await book.file(draft)).id)  # noqa: PERF401 - what was filed before a fault counts
        except QuarterdeckError:
            failed.append(("Not filed", "the book of proposals could not be written"))
        shown = (*lines(report, names), *failed)
        page = Path(answer.page)
        content = await asyncio.to_thread(page.read_bytes)
        return WeeklyResult(
            title=title_of(report),
            lines=shown,
            points=report.points,
            file=Attachment(page.name, content, "text/html"),
            proposals=tuple(names),
            picture=f"{report.label}.json",
            page=page.name,
        )


def longer(own: Frame, fresh: Frame | None) -> Frame:
    """The venue's candles where it has more than the desk."""
    return own if fresh is None or len(fresh) <= len(own) else fresh


async def week_facts(
    desk: Desk, shelf: ModelShelf, back: int, weeks: int, symbols: tuple[SymbolFacts, ...]
) -> WeekFacts:
    """What the ledger, the engine and the shelf of models know of a week and the weeks before it; None where not."""
    zone, now_ms = ZoneInfo(desk.about.timezone), desk.now_ms()
    spans = week_spans(zone, now_ms, back, weeks)
    refusals = await _read(_refusals(desk, spans[-1]))
    return WeekFacts(
        mode=desk.about.mode,
        quote=desk.about.quote,
        zone=desk.about.timezone,
        now_ms=now_ms,
        weeks=spans,
        trades=await _read(desk.trades(TradeQuery(since_ms=spans[0].begins_at_ms))),
        points=await _read(_equity(desk, spans)),
        kills=_asked(desk.kills),
        symbols=symbols,
        held=tuple(Held(one.symbol, one.side, one.opened_at_ms) for one in desk.status().positions),
        refusals=refusals or (),
        models=_asked(lambda: _models(shelf)),
        unknown=() if refusals is not None else (UNREAD_GATES,),
    )


async def _read[T](question: Awaitable[T]) -> T | None:
    """What the books answer; None where they cannot be read."""
    try:
        return await question
    except QuarterdeckError:
        log.warning("weekly report: the books cannot be read", exc_info=True)
        return None


def _asked[T](question: Callable[[], T]) -> T | None:
    """What somebody answers at once; None where it cannot be told."""
    try:
        return question()
    except QuarterdeckError:
        log.warning("weekly report: a fact is missing", exc_info=True)
        return None


async def _equity(desk: Desk, spans: Sequence[WeekSpan]) -> tuple[EquityPoint, ...]:
    """Equity over all weeks, thinned; the reported week as exactly as the books have it."""
    begins_at_ms = spans[-1].begins_at_ms
    earlier = await desk.equity(spans[0].begins_at_ms)
    return (
        *(one for one in earlier if one.at_ms < begins_at_ms),
        *await desk.equity(begins_at_ms),
    )


async def _refusals(desk: Desk, week: WeekSpan) -> tuple[Refusal, ...]:
    """The week's signals that a gate kept from becoming orders."""
    found = await desk.decisions(MOST_DECISIONS)
    refused = (one for one in found if one.refused_by and week.holds(one.signal.bar_at_ms))
    return tuple(Refusal(one.signal.symbol, one.signal.bar_at_ms, _gate(one)) for one in refused)


def _gate(one: Decision) -> str:
    """The gate that refused, and its figures where it noted some."""
    figures = next(
        (gate.figures for gate in one.gates if gate.gate == one.refused_by and not gate.passed), ""
    )
    return f"{one.refused_by}: {figures}" if figures else one.refused_by


def _models(shelf: ModelShelf) -> ModelFacts:
    found = shelf.models()
    return ModelFacts(len(found), sum(one.judges for one in found))


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
