"""The weekly report as a worker makes it: what the desk told, joined with what the history says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.errors import ConfigError
from bot.domain.guard import Sizing, SizingMode
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS
from bot.engine.views import KillView
from bot.runtime.codec import decode, encode
from bot.runtime.proposals import Draft
from bot.strategy import Frame
from bot.training import Checklist
from cli.workshop.asking import Kept, SweepAsked, WeeklyAnswer, WeeklyAsked, nothing_of
from cli.workshop.drafts import proposed
from cli.workshop.ground import (
    NO_POINTS,
    Known,
    bar_ms,
    ground_of,
    known,
    unbroken,
    within,
)
from cli.workshop.pages import make_room
from cli.workshop.parcel import Parcel
from cli.workshop.sweeps import result_of, swept
from cli.workshop.weekly_page import weekly_page
from cli.workshop.worker import Say
from handlers.format import Clock
from research.backtest.fast import run_fast
from research.results.files import write_whole
from research.results.outcome import SimulatedTrade
from research.store.files import FileStore
from research.weekly.beside import Beside, beside
from research.weekly.facts import SymbolFacts, WeekFacts
from research.weekly.live import WeekFigures, signs, trend, week_figures
from research.weekly.report import Steps, WeeklyReport, grouped
from research.weekly.tested import TestedSymbol, tested
from strategies.registry import Registry

FOLDER = "weekly"
SWEEP_DAYS = 365
MOST_SWEPT = 3
ALTERNATIVES = 3
LEAST_SWEPT_DAYS = 28
APART = 2
"""Sweeps count in a process of their own: one that dies there takes its own symbol along, not the report."""
HEAVY = ("history", "backtest", "alternatives")
"""Steps that a report is made without when the process died of them."""
JOINT = "all symbols"
FIXED = Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1000))


@dataclass(frozen=True, slots=True)
class Tried:
    """The backtest of all symbols: each one's part, the joint one, all trades, and each one's time, from and to."""

    parts: tuple[TestedSymbol, ...] = ()
    trades: tuple[SimulatedTrade, ...] = ()
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lived:
    """The week as the ledger has it, beside the backtest where there is one."""

    week: WeekFigures | None = None
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Sets to propose, and the sentences that belong to them."""

    drafts: tuple[Draft, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """What every step stands on: what was asked, the desk's candles by symbol, and who notes what failed."""

    asked: WeeklyAsked
    live: Mapping[str, Frame]
    steps: Steps

    @property
    def facts(self) -> WeekFacts:
        """What the desk told."""
        return self.asked.facts

    def known(self, step: str, symbol: str, days: int, warmup: int = 0) -> Known:
        """A symbol's candles; where stored ones cannot be read that is named, and the desk's own must do."""
        place, to_ms = self.asked.place, self.facts.now_ms
        from_ms = to_ms - days * DAY_MS - warmup * bar_ms(place)
        live = self.live.get(symbol) or nothing_of(symbol, bar_ms(place))
        own = Known(unbroken(within(live, from_ms, to_ms)), NO_POINTS, ())
        return self.steps.part(step, symbol, lambda: known(place, live, from_ms, to_ms), own)


def work(parcel: Parcel, say: Say) -> WeeklyAnswer:
    """All seven steps; the report is kept as JSON and as a page."""
    asked = decode(parcel.order, WeeklyAsked)
    facts, without = asked.facts, dict.fromkeys(HEAVY, asked.without) if asked.without else {}
    steps = Steps(say, without)
    for step, why in facts.unknown:
        steps.failed(step, why)
    bench = Bench(asked, {frame.symbol: frame for frame in parcel.frames}, steps)
    no_words: tuple[str, ...] = ()
    no_weeks: tuple[WeekFigures, ...] = ()
    history = steps.run("history", lambda: refreshed(bench), no_words)
    tried = steps.run("backtest", lambda: _tried(bench), Tried())
    lived = steps.run("live trades", lambda: _lived(bench, tried), Lived())
    weeks = steps.run("trend", lambda: trend(facts), no_weeks)
    kills = steps.run("kill switches", lambda: _kills(facts), None)
    checked = steps.run("model checklist", lambda: _signs(steps, facts), None)
    other = steps.run("alternatives", lambda: _alternatives(bench, lived.week, tried), Alternatives())
    report = WeeklyReport(
        label=facts.week.label,
        mode=facts.mode,
        quote=facts.quote,
        zone=facts.zone,
        made_at_ms=facts.now_ms,
        begins_at_ms=facts.week.begins_at_ms,
        ends_at_ms=facts.week.ends_at_ms,
        history=history,
        tested=tried.parts,
        live=lived.week,
        beside=lived.beside,
        trend=weeks,
        kills=kills,
        checklist=checked,
        alternatives=other.drafts,
        words=tried.words,
        advice=other.words,
        points=tuple(one for one in facts.points or () if facts.week.holds(one.at_ms)),
        models=facts.models,
        failures=tuple((step, why.replace(f"{asked.place.home}/", "")) for step, why in steps.named()),
    )
    return _kept(asked, report)


def _kept(asked: WeeklyAsked, report: WeeklyReport) -> WeeklyAnswer:
    folder = asked.place.results / FOLDER
    page = folder / f"{report.label}.html"
    write_whole(folder / f"{report.label}.json", encode(report))
    write_whole(page, weekly_page(report, asked.facts))
    for ending in (".json", ".html"):
        make_room(folder, ending, 160)
    return WeeklyAnswer(report, str(page))


def _kills(facts: WeekFacts) -> tuple[KillView, ...] | None:
    if facts.kills is None:
        raise ConfigError("they could not be read")
    return facts.kills


def _signs(steps: Steps, facts: WeekFacts) -> Checklist | None:
    if facts.models is None:
        steps.failed("model checklist", "which models there are could not be read")
    return signs(facts)


def refreshed(bench: Bench) -> tuple[str, ...]:
    """What the venue just told goes into the store, each symbol for itself; without a source that is said."""
    asked = bench.asked
    if asked.no_source:
        return (asked.no_source,)
    store = FileStore(asked.place_history, asked.place.source)
    words, sound = [], 0
    for symbol, frame in bench.live.items():
        done = bench.steps.part("history", symbol, lambda one=frame: _stored(asked, store, one), None)  # type: ignore[misc]
        sound += done is not None
        words += [done] if done else []
    return tuple(words) or (("The store had every bar already.",) if sound else ())


def _stored(asked: WeeklyAsked, store: FileStore, frame: Frame) -> str:
    """One symbol's bars into the store; what that changed, empty when nothing."""
    done = store.upsert(asked.place.timeframe, frame)
    if not done.added and not done.corrected:
        return ""
    return f"{frame.symbol}: {done.added} bars added, {done.corrected} corrected"


def _lived(bench: Bench, tried: Tried) -> Lived:
    facts = bench.facts
    if facts.points is None:
        bench.steps.failed("live trades", "the equity series could not be read")
    week = week_figures(facts, facts.week)
    if not tried.parts:
        return Lived(week)
    return Lived(week, beside(facts, tried.trades, tried.spans, bar_ms(bench.asked.place)))


def _tried(bench: Bench) -> Tried:
    """Every symbol alone on its parameters in use; the joint figures come from the merged trades."""
    trades: list[SimulatedTrade] = []
    parts: list[TestedSymbol] = []
    spans: dict[str, tuple[int, int]] = {}
    words: dict[str, list[str]] = {}
    weeks = [(one.begins_at_ms, one.ends_at_ms) for one in bench.facts.weeks]
    for one in bench.facts.symbols:
        found = bench.steps.part("backtest", one.symbol, lambda chosen=one: _traded(bench, chosen), None)  # type: ignore[misc]
        if found is None:
            continue
        parts.append(tested(one.symbol, found.trades, found.span, weeks))
        trades += found.trades
        spans[one.symbol] = found.span
        for said in found.words:
            words.setdefault(said, []).append(one.symbol)
    if not parts:
        return Tried()
    whole = min(begin for begin, _ in spans.values()), max(end for _, end in spans.values())
    parts.append(tested(JOINT, trades, whole, weeks))
    return Tried(tuple(parts), tuple(trades), spans, tuple(grouped(words)))


@dataclass(frozen=True, slots=True)
class Traded:
    """One symbol's backtest: its trades, from when to when, sentences about its candles and its sizing."""

    trades: tuple[SimulatedTrade, ...]
    span: tuple[int, int]
    words: tuple[str, ...]


def _traded(bench: Bench, one: SymbolFacts) -> Traded:
    asked = bench.asked
    warmup = Registry(asked.place.paths).build(one.plan.strategy, one.symbol, one.values).warmup_bars
    found = bench.known("backtest", one.symbol, asked.history_days, warmup)
    if len(found.frame) <= warmup:
        raise ConfigError(
            f"not tested: {len(found.frame)} candles are known without a gap, {warmup + 1} are needed"
        )
    plan, words = one.plan, list(found.words)
    if plan.sizing.mode is SizingMode.MARGIN_RATIO:
        plan = replace(plan, sizing=FIXED)
        words.append(
            f"tested with {FIXED.value} {bench.facts.quote} a trade: the desk's sizing hangs on the whole account."
        )
    times = found.frame.open_at_ms
    outcome = run_fast(plan, ground_of(asked.place, found, tail_ms=int(times[warmup])))
    span = int(times[warmup]), int(times[-1]) + found.frame.timeframe_ms
    words += _short(bench.facts, span, found.frame.timeframe_ms)
    return Traded(outcome.trades, span, tuple(words))


def _short(facts: WeekFacts, span: tuple[int, int], timeframe_ms: int) -> Iterator[str]:
    """What of the week is not tested, for want of candles."""
    week, at = facts.week, Clock(ZoneInfo(facts.zone), facts.now_ms)
    if span[0] > week.begins_at_ms:
        yield f"the week is tested from {at.full(span[0])} on only, candles before are not known."
    if span[1] + 2 * timeframe_ms < min(week.ends_at_ms, facts.now_ms):
        yield f"the week is tested up to {at.full(span[1])} only, candles after are not known."


def _alternatives(bench: Bench, week: WeekFigures | None, tried: Tried) -> Alternatives:
    """Where money was lost: the usual sets of the worst symbols, the best three of them as proposals."""
    if not _lost(week, tried):
        return Alternatives()
    found: list[tuple[float, Draft]] = []
    words: list[str] = []
    for one in _worst(bench, tried):
        none: tuple[list[tuple[float, Draft]], list[str]] = ([], [])
        drafts, said = bench.steps.part(
            "alternatives",
            one.symbol,
            lambda chosen=one: _of_symbol(bench, chosen),  # type: ignore[misc]
            none,
        )
        found += drafts
        words += said
    found.sort(key=lambda pair: -pair[0])
    return Alternatives(tuple(draft for _, draft in found[:ALTERNATIVES]), tuple(words))


def _lost(week: WeekFigures | None, tried: Tried) -> bool:
    """Whether the week's profit factor is below 1: live, or where nothing was traded live in the backtest."""
    if week is not None and week.trades:
        return week.profit_factor is not None and week.profit_factor < 1
    factor = tried.parts[-1].whole.profit_factor if tried.parts else None
    return factor is not None and factor < 1


def _worst(bench: Bench, tried: Tried) -> list[SymbolFacts]:
    """The symbols that lost most, live first, then in the backtest."""
    facts = bench.facts
    nets = {part.name: min(Decimal(repr(part.whole.net)), ZERO) for part in tried.parts[:-1]}
    lost: dict[str, Decimal] = {}
    for trade in facts.trades or ():
        if facts.week.holds(trade.closed_at_ms):
            lost[trade.symbol] = lost.get(trade.symbol, ZERO) + trade.net
    order = {
        one.symbol: (min(lost.get(one.symbol, ZERO), ZERO), nets.get(one.symbol, ZERO), one.symbol)
        for one in facts.symbols
    }
    losing = [one for one in facts.symbols if order[one.symbol][:2] < (ZERO, ZERO)]
    return sorted(losing, key=lambda one: order[one.symbol])[:MOST_SWEPT]


def _of_symbol(bench: Bench, one: SymbolFacts) -> tuple[list[tuple[float, Draft]], list[str]]:
    """A symbol's best sets as proposals, or the sentence why there are none."""
    place, to_ms = bench.asked.place, bench.facts.now_ms
    found = bench.known("alternatives", one.symbol, SWEEP_DAYS)
    days = len(found.frame) * bar_ms(place) / DAY_MS
    if days < LEAST_SWEPT_DAYS:
        return [], [f"{one.symbol}: no alternatives, {days:.1f} days of candles tell too little."]
    order = SweepAsked(place, one.symbol, SWEEP_DAYS, to_ms, one.plan.strategy, one.values, one.plan.rules)
    section, plan = swept(order, found.frame, Registry(place.paths), workers=APART)
    result = result_of(order, found.frame, section, plan, ())
    chosen = [best for best in result.best if best.rank in result.proposable]
    better = [best for best in chosen if (best.profit_factor or 0) > (result.production.profit_factor or 0)]
    drafts = [(best.profit_factor or 0.0, proposed(Kept(result, one.values), best)) for best in better]
    none = [] if drafts else [f"{one.symbol}: no set does better than the one in use."]
    return drafts, [*none, *(f"{one.symbol}: {words}" for words in result.words)]
