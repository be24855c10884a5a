"""A sweep as its result file holds it: what was asked, of which candles, by which code, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict
from math import isinf

from research.results.files import FORMAT
from research.sweep.figures import SetFigures
from research.sweep.plan import SweepPlan, fingerprint
from research.sweep.run import SweepResult
from research.sweep.sections import Section
from research.sweep.source import Known
from research.sweep.walking import Step, Walk

type Row = dict[str, object]

SHOWN = 20
"""Sets listed for each of many symbols; a single section lists all."""


def sweep_document(result: SweepResult) -> Row:
    """The whole sweep. Money is in units of a trade's notional: 0.02 is two per cent of it."""
    single = len(result.sections) == 1
    return {
        "sweep": {
            "strategy": result.plan.strategy,
            "sets": len(result.plan.grid),
            "symbols": [one.symbol for one in result.known],
            "combined": result.plan.combined,
            "least_trades": result.plan.least,
        },
        "sections": [section_row(section, None if single else SHOWN) for section in result.sections],
        "notes": [note for one in result.known for note in one.notes],
        "run": run_row("sweep", result.plan, result.known),
    }


def run_row(command: str, plan: SweepPlan, known: tuple[Known, ...]) -> Row:
    """How it came to be, so that it can be repeated to the digit."""
    return {
        "format": FORMAT,
        "command": command,
        "way": "fast",
        "code": {**plan.code, "sources": plan.digest},
        "config": plan.config(),
        "data": {one.symbol: asdict(one.mark) for one in known},
        **_beside_row(known),
        "seed": plan.seed,
    }


def _beside_row(known: tuple[Known, ...]) -> Row:
    """Funding and finer candles, where there are any."""
    funding = {one.symbol: one.beside.funding_sha256 for one in known if one.beside.funding is not None}
    finer = {one.symbol: asdict(one.beside.finer_mark) for one in known if one.beside.finer_mark is not None}
    return ({"funding_sha256": funding} if funding else {}) | ({"finer": finer} if finer else {})


def name_of(command: str, plan: SweepPlan, known: tuple[Known, ...]) -> str:
    """What the result is called: equal for equal questions of equal candles."""
    symbols = "-".join(one.symbol for one in known) if len(known) <= 3 else f"{len(known)}-symbols"
    mark = fingerprint(plan.config(), plan.digest, sorted((one.symbol, *one.print) for one in known))
    return f"{command}-{plan.strategy}-{symbols}-{mark}"


def section_row(section: Section, shown: int | None) -> Row:
    """One symbol, or all jointly; the first `shown` sets (None: all)."""
    ranks = {index: place for place, index in enumerate(section.order, 1)}
    from_ms, to_ms = section.course.range_ms
    return {
        "title": section.course.title,
        "symbols": [one.symbol for one in section.course.known],
        "from_ms": from_ms,
        "to_ms": to_ms,
        "bars": sum(one.mark.bars for one in section.course.known),
        "sets_with_enough_trades": section.able,
        "best": set_row(section.best, ranks[section.best.index]) if section.best else None,
        "production": set_row(section.production, section.production_rank),
        "neighbours": asdict(section.around) if section.around else None,
        "walk_forward": _walk_row(section.walk) if section.walk else None,
        "factor_ratio": section.ratio,
        "luck": asdict(section.luck) if section.luck else None,
        "verdicts": [asdict(verdict) for verdict in section.verdicts],
        "notes": list(section.course.notes),
        "best_by_symbol": {symbol: set_row(row) for symbol, row in section.by_symbol.items()},
        "ranking": [set_row(section.rows[index], ranks[index]) for index in section.order[:shown]],
    }


def set_row(row: SetFigures, rank: int | None = None) -> Row:
    """One set. A profit factor is null where there was no loss."""
    found: Row = {"rank": rank} if rank is not None else {}
    return {
        **found,
        "set": dict(row.parameters),
        "trades": row.trades,
        "wins": row.wins,
        "win_rate": row.win_rate,
        "net": row.net,
        "profit_factor": None if isinf(row.factor) else row.profit_factor,
        "expectancy": row.expectancy,
        "gross_profit": row.gross_profit,
        "gross_loss": row.gross_loss,
        "drawdown": row.drawdown,
        "held_bars": row.held,
    }


def _walk_row(walk: Walk) -> Row:
    return {
        "folds": len(walk.steps),
        "folds_chosen": walk.chosen,
        "different_sets": walk.sets,
        "total": set_row(walk.total),
        "production": set_row(walk.production),
        "steps": [_step_row(step) for step in walk.steps],
    }


def _step_row(step: Step) -> Row:
    return {
        **asdict(step.fold),
        "least_trades": step.least,
        "sets_able": step.able,
        "train": set_row(step.train) if step.train else None,
        "test": set_row(step.test) if step.test else None,
    }


def set_words(parameters: Mapping[str, object]) -> str:
    """`atr_sl_mult=1.5 signal_threshold=3` as people type it."""
    return " ".join(f"{name}={_value(value)}" for name, value in parameters.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)
