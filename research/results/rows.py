"""What a backtest came to, as rows for JSON: full precision, no NaN, the same keys whatever there is to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from research.results.checks import Check
from research.results.outcome import Outcome, SimulatedTrade, Stretch
from research.results.statistics import Fall, Figures, Month, Summary

type Row = dict[str, object]


def trade_row(trade: SimulatedTrade) -> Row:
    """One trade. Times are the opening times of the bars in which it was entered and left (UTC, ms)."""
    return {
        "symbol": trade.symbol,
        "side": trade.side.value,
        "entry_at_ms": trade.entry_at_ms,
        "entry_price": trade.entry_price,
        "exit_at_ms": trade.exit_at_ms,
        "exit_price": trade.exit_price,
        "reason": trade.reason.value,
        "fees": trade.fees,
        "net_return": trade.net_return,
        "indicators": dict(trade.indicators),
        "strategy": trade.strategy,
        "quantity": trade.quantity,
        "funding": trade.funding,
        "net": trade.net,
        "score": trade.score,
        "stop_price": trade.stop_price or None,
        "target_price": trade.target_price or None,
        "mae": trade.adverse,
        "mfe": trade.favourable,
    }


def figures_row(figures: Figures) -> Row:
    """A group of trades."""
    return {
        "trades": figures.trades,
        "wins": figures.wins,
        "losses": figures.losses,
        "net_pnl": figures.net,
        "win_rate": figures.win_rate,
        "profit_factor": figures.profit_factor,
        "payoff": figures.payoff,
        "expectancy": figures.expectancy,
        "gross_profit": figures.gross_profit,
        "gross_loss": figures.gross_loss,
        "average_win": figures.average_win,
        "average_loss": figures.average_loss,
        "best": figures.best,
        "worst": figures.worst,
        "average_return": figures.average_return,
        "fees": figures.fees,
        "funding": figures.funding,
        "turnover": figures.turnover,
        "longest_losing_run": figures.longest_losing_run,
        "average_held_ms": figures.average_held_ms,
        "longest_held_ms": figures.longest_held_ms,
        "average_mae": figures.adverse,
        "average_mfe": figures.favourable,
    }


def summary_row(summary: Summary) -> Row:
    """The whole, and its parts. Shares are fractions: 0.12 is 12 %."""
    fall, ratios = summary.fall, summary.ratios
    return {
        **figures_row(summary.total),
        "return": summary.growth,
        "max_drawdown": fall.share if fall else 0.0,
        "sharpe": ratios.sharpe,
        "sortino": ratios.sortino,
        "calmar": ratios.calmar,
        "yearly_growth": ratios.yearly_growth,
        "exposure": summary.exposure,
        "wallet": summary.wallet,
        "end_equity": summary.end_equity,
        "from_ms": summary.from_ms,
        "to_ms": summary.to_ms,
        "bars": summary.bars,
        "drawdown": _fall_row(fall),
        "close_reasons": _groups(summary.per_reason),
        "per_symbol": _groups(summary.per_symbol),
        "per_strategy": _groups(summary.per_strategy),
        "per_side": _groups(summary.per_side),
        "per_month": {month.label: _month_row(month) for month in summary.per_month},
    }


def check_rows(checks: Sequence[Check]) -> list[Row]:
    """Every check with its figures."""
    return [asdict(check) for check in checks]


def equity_row(outcome: Outcome) -> Row:
    """Equity at every bar's close."""
    series = outcome.equity
    return {"at_ms": np.ascontiguousarray(series.at_ms), "equity": np.ascontiguousarray(series.equity)}


def stretch_rows(stretches: Sequence[Stretch]) -> list[Row]:
    """The candles that were traded, by symbol."""
    return [asdict(stretch) for stretch in stretches]


def _fall_row(fall: Fall | None) -> Row | None:
    return asdict(fall) if fall else None


def _month_row(month: Month) -> Row:
    return {**figures_row(month.figures), "return": month.growth}


def _groups(groups: Mapping[str, Figures]) -> Row:
    return {name: figures_row(figures) for name, figures in groups.items()}
