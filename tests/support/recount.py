"""Recounts a result file of `quarterdeck backtest` from its trade list; knows nothing of the project but the JSON.

python recount.py FILE        prints what differs, one line each; exit code 0 when nothing does
"""

import itertools
import json
import math
import statistics
import sys
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction

DAY_MS = 86_400_000


def sums(trades):
    """Trades of a group, added up exactly."""
    nets = [Fraction(t["net"]) for t in trades]
    won, lost = sum(n for n in nets if n > 0), -sum(n for n in nets if n < 0)
    wins, losses = sum(n > 0 for n in nets), sum(n < 0 for n in nets)
    run = longest = 0
    for net in nets:
        run = run + 1 if net < 0 else 0
        longest = max(longest, run)
    held = [t["exit_at_ms"] - t["entry_at_ms"] for t in trades]
    return {
        "trades": len(nets),
        "wins": wins,
        "losses": losses,
        "net_pnl": sum(nets),
        "gross_profit": won,
        "gross_loss": lost,
        "win_rate": Fraction(wins, len(nets)) if nets else None,
        "profit_factor": won / lost if lost else None,
        "payoff": (won / wins) / (lost / losses) if wins and losses else None,
        "expectancy": sum(nets) / len(nets) if nets else None,
        "fees": sum(Fraction(t["fees"]) for t in trades),
        "funding": sum(Fraction(t["funding"]) for t in trades),
        "turnover": sum(
            Fraction(t["quantity"]) * (Fraction(t["entry_price"]) + Fraction(t["exit_price"])) for t in trades
        ),
        "best": max(nets, default=None),
        "worst": min(nets, default=None),
        "longest_losing_run": longest,
        "longest_held_ms": max(held, default=None),
    }


def recomputed(trade):
    """A trade's net from its prices alone."""
    sign = {"LONG": 1, "SHORT": -1}[trade["side"]]
    gross = (
        sign * Fraction(trade["quantity"]) * (Fraction(trade["exit_price"]) - Fraction(trade["entry_price"]))
    )
    return gross - Fraction(trade["fees"]) + Fraction(trade["funding"])


def curve(content):
    """Figures of the equity series."""
    wallet, levels = content["summary"]["wallet"], content["equity"]["equity"]
    levels = [wallet, *levels]
    high, deepest = levels[0], 0.0
    for level in levels:
        high = max(high, level)
        deepest = max(deepest, (high - level) / high)
    returns = [after / before - 1 for before, after in itertools.pairwise(levels)]
    at = content["equity"]["at_ms"]
    bar = min(after - before for before, after in itertools.pairwise(at))
    a_year = math.sqrt(365 * DAY_MS / bar)
    spread = statistics.stdev(returns)
    down = math.sqrt(math.fsum(min(r, 0.0) ** 2 for r in returns) / len(returns))
    mean = math.fsum(returns) / len(returns)
    span = at[-1] - at[0] + bar
    growth = (levels[-1] / levels[0]) ** (365 * DAY_MS / span) - 1 if span >= 7 * DAY_MS else None
    return {
        "max_drawdown": deepest,
        "sharpe": mean / spread * a_year if spread else None,
        "sortino": mean / down * a_year if down else None,
        "yearly_growth": growth,
        "calmar": growth / deepest if deepest and growth is not None else None,
        "end_equity": levels[-1],
        "bars": len(at),
    }


def groups(trades, key):
    """Trades by a key."""
    found = defaultdict(list)
    for trade in trades:
        found[key(trade)].append(trade)
    return found


def compare(where, expected, told, wrong):
    """Note what the file says otherwise."""
    for key, value in expected.items():
        said = told.get(key, "missing")
        if value is None or said is None or isinstance(said, str):
            if value is not said:
                wrong.append(f"{where}.{key}: file {said}, recounted {value}")
        elif not math.isclose(float(value), said, rel_tol=1e-9, abs_tol=1e-9):
            wrong.append(f"{where}.{key}: file {said}, recounted {float(value)}")


def recount(content):
    """Every difference between the summary and what the trades and the equity say."""
    trades, summary, wrong = content["trades"], content["summary"], []
    for place, trade in enumerate(trades):
        compare(f"trades[{place}]", {"net": recomputed(trade)}, trade, wrong)
        value = Fraction(trade["entry_price"]) * Fraction(trade["quantity"])
        compare(f"trades[{place}]", {"net_return": Fraction(trade["net"]) / value}, trade, wrong)
    whole = sums(trades)
    compare("summary", {**whole, "return": whole["net_pnl"] / Fraction(summary["wallet"])}, summary, wrong)
    compare("summary", curve(content), summary, wrong)
    compare("summary", {"end_equity": whole["net_pnl"] + Fraction(summary["wallet"])}, summary, wrong)
    for name, key in (
        ("close_reasons", lambda t: t["reason"]),
        ("per_symbol", lambda t: t["symbol"]),
        ("per_strategy", lambda t: t["strategy"]),
        ("per_side", lambda t: t["side"]),
        ("per_month", lambda t: datetime.fromtimestamp(t["exit_at_ms"] / 1000, UTC).strftime("%Y-%m")),
    ):
        parts = groups(trades, key)
        for label in summary[name]:
            compare(f"{name}.{label}", sums(parts.pop(label, [])), summary[name][label], wrong)
        wrong += [f"{name}.{label}: not in the file" for label in parts]
    return wrong


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        lines = recount(json.load(source))
    sys.stdout.write("\n".join(lines or ["equal"]) + "\n")
    sys.exit(bool(lines))
