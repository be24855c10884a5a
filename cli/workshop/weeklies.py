"""The weekly report as a worker makes it: what the desk told, joined with what the history says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.errors import ConfigError
from bot.domain.guard import Sizing, SizingMode
from bot.domain.market import DAY_MS
from bot.runtime.codec import decode, encode
from bot.runtime.proposals import Draft
from bot.strategy import Frame
from cli.workshop.asking import Kept, SweepAsked, WeeklyAnswer, WeeklyAsked
from cli.workshop.drafts import proposed
from cli.workshop.ground import bar_ms, ground_of, known
from cli.workshop.pages import make_room
from cli.workshop.parcel import Parcel
from cli.workshop.sweeps import result_of, swept
from cli.workshop.weekly_page import weekly_page
from cli.workshop.worker import Say
from research.backtest.fast import run_fast
from research.results.files import write_whole
from research.results.outcome import SimulatedTrade
from research.store.files import FileStore
from research.weekly.beside import Beside, beside
from research.weekly.facts import SymbolFacts
from research.weekly.live import Checklist, WeekFigures, checklist, trend, week_figures
from research.weekly.report import Steps, WeeklyReport
from research.weekly.tested import TestedSymbol, tested
from strategies.registry import Registry

FOLDER = "weekly"
SWEEP_DAYS = 365
MOST_SWEPT = 3
ALTERNATIVES = 3
LEAST_SWEPT_DAYS = 28
JOINT = "all symbols"
FIXED = Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1000))


@dataclass(frozen=True, slots=True)
class Tried:
    """The backtest of all symbols: each one's part, the joint one, all trades, and where the candles end."""

    parts: tuple[TestedSymbol, ...] = ()
    trades: tuple[SimulatedTrade, ...] = ()
    until_ms: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lived:
    """The week as the ledger has it, beside the backtest where there is one."""

    week: WeekFigures | None = None
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """The weeks of the trend."""

    weeks: tuple[WeekFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class Signs:
    """The checklist."""

    found: Checklist | None = None


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Sets to propose, and the sentences that belong to them."""

    drafts: tuple[Draft, ...] = ()
    words: tuple[str, ...] = ()


def work(parcel: Parcel, say: Say) -> WeeklyAnswer:
    """All seven steps; the report is kept as JSON and as a page."""
    asked = decode(parcel.order, WeeklyAsked)
    facts, live = asked.facts, {frame.symbol: frame for frame in parcel.frames}
    steps = Steps(say, list(facts.unknown))
    nothing: tuple[str, ...] = ()
    history = steps.run("history", lambda: refreshed(asked, parcel.frames), nothing)
    tried = steps.run("backtest", lambda: _tried(asked, live), Tried())
    lived = steps.run("live trades", lambda: _lived(asked, tried), Lived())
    weeks = steps.run("trend", lambda: Trend(trend(facts)), Trend()).weeks
    kills = facts.kills
    signs = steps.run("model checklist", lambda: Signs(checklist(weeks)), Signs()).found
    other = steps.run("alternatives", lambda: _alternatives(asked, live, lived.week, tried), Alternatives())
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
        checklist=signs,
        alternatives=other.drafts,
        words=(*tried.words, *other.words),
        points=tuple(
            one for one in facts.points if facts.week.begins_at_ms <= one.at_ms < facts.week.ends_at_ms
        ),
        models=facts.models,
        failures=tuple(dict(steps.failures).items()),
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


def refreshed(asked: WeeklyAsked, frames: Sequence[Frame]) -> tuple[str, ...]:
    """What the venue just told goes into the store; without a source that is said."""
    if asked.no_source:
        return (asked.no_source,)
    store = FileStore(asked.place_history, asked.place.source)
    words = []
    for frame in frames:
        done = store.upsert(asked.place.timeframe, frame)
        if done.added or done.corrected:
            words.append(f"{frame.symbol}: {done.added} bars added, {done.corrected} corrected")
    return tuple(words) or ("The store had every bar already.",)


def _lived(asked: WeeklyAsked, tried: Tried) -> Lived:
    facts = asked.facts
    week = week_figures(facts, facts.week)
    if not tried.parts:
        return Lived(week)
    return Lived(week, beside(facts, tried.trades, bar_ms(asked.place), tried.until_ms))


def _tried(asked: WeeklyAsked, live: dict[str, Frame]) -> Tried:
    """Every symbol alone on its parameters in use; the joint figures come from the merged trades."""
    facts = asked.facts
    trades: list[SimulatedTrade] = []
    parts: list[TestedSymbol] = []
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    weeks = [(one.begins_at_ms, one.ends_at_ms) for one in facts.weeks]
    for one in facts.symbols:
        try:
            own, span = _traded(asked, one, live[one.symbol])
        except (ConfigError, KeyError) as error:
            words.append(f"{one.symbol} was not tested: {error}.")
            continue
        parts.append(tested(one.symbol, own, span, weeks))
        trades += own
        spans.append(span)
    if not parts:
        raise ConfigError(" ".join(words) or "there are no symbols")
    whole = min(begin for begin, _ in spans), max(end for _, end in spans)
    parts.append(tested(JOINT, trades, whole, weeks))
    return Tried(tuple(parts), tuple(trades), whole[1], tuple(words))


def _traded(
    asked: WeeklyAsked, one: SymbolFacts, live: Frame
) -> tuple[tuple[SimulatedTrade, ...], tuple[int, int]]:
    warmup = Registry(asked.place.paths).build(one.plan.strategy, one.symbol, one.values).warmup_bars
    span_ms = asked.history_days * DAY_MS + warmup * bar_ms(asked.place)
    found = known(asked.place, live, asked.facts.now_ms - span_ms, asked.facts.now_ms)
    if len(found.frame) <= warmup:
        raise ConfigError(f"{len(found.frame)} candles are known without a gap, {warmup + 1} are needed")
    plan = (
        one.plan if one.plan.sizing.mode is not SizingMode.MARGIN_RATIO else replace(one.plan, sizing=FIXED)
    )
    times = found.frame.open_at_ms
    outcome = run_fast(plan, ground_of(asked.place, found, tail_ms=int(times[warmup])))
    return outcome.trades, (int(times[warmup]), int(times[-1]) + found.frame.timeframe_ms)


def _alternatives(
    asked: WeeklyAsked, live: dict[str, Frame], week: WeekFigures | None, tried: Tried
) -> Alternatives:
    """Where money was lost: the usual sets of the worst symbols, the best three of them as proposals."""
    factor = week.profit_factor if week is not None and week.trades else None
    if factor is None and tried.parts:
        factor = tried.parts[-1].whole.profit_factor
    if factor is None or factor >= 1:
        return Alternatives()
    found: list[tuple[float, Draft]] = []
    words: list[str] = []
    for one in _worst(asked, tried):
        drafts, said = _of_symbol(asked, one, live[one.symbol])
        found += drafts
        words += said
    found.sort(key=lambda pair: -pair[0])
    return Alternatives(tuple(draft for _, draft in found[:ALTERNATIVES]), tuple(words))


def _worst(asked: WeeklyAsked, tried: Tried) -> list[SymbolFacts]:
    """The symbols that lost most, live first, then in the backtest."""
    week = asked.facts.week
    nets = {part.name: Decimal(repr(part.whole.net)) for part in tried.parts[:-1]}
    for trade in asked.facts.trades:
        if week.begins_at_ms <= trade.closed_at_ms < week.ends_at_ms:
            nets[trade.symbol] = min(nets.get(trade.symbol, Decimal(0)), Decimal(0)) + trade.net
    losing = [one for one in asked.facts.symbols if nets.get(one.symbol, Decimal(0)) < 0]
    return sorted(losing, key=lambda one: (nets[one.symbol], one.symbol))[:MOST_SWEPT]


def _of_symbol(
    asked: WeeklyAsked, one: SymbolFacts, live: Frame
) -> tuple[list[tuple[float, Draft]], list[str]]:
    """A symbol's best sets as proposals, or the sentence why there are none."""
    to_ms, place = asked.facts.now_ms, asked.place
    found = known(place, live, to_ms - SWEEP_DAYS * DAY_MS, to_ms)
    days = len(found.frame) * bar_ms(place) / DAY_MS
    if days < LEAST_SWEPT_DAYS:
        return [], [f"{one.symbol}: no alternatives, {days:.1f} days of candles tell too little."]
    order = SweepAsked(place, one.symbol, SWEEP_DAYS, to_ms, one.plan.strategy, one.values, one.plan.rules)
    section, plan = swept(order, found.frame, Registry(place.paths))
    result = result_of(order, found.frame, section, plan, ())
    chosen = [best for best in result.best if best.rank in result.proposable]
    better = [best for best in chosen if (best.profit_factor or 0) > (result.production.profit_factor or 0)]
    drafts = [(best.profit_factor or 0.0, proposed(Kept(result, one.values), best)) for best in better]
    return drafts, [f"{one.symbol}: {words}" for words in result.words]
