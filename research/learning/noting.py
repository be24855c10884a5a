"""What is to be said of a symbol's history before a model is learned from it."""

from bot.domain.market import DAY_MS
from bot.ml.align import Sources
from bot.ml.feature import CLUSTER, RATIO_GLOBAL, RATIO_TOP, FeatureSet
from research.learning.dataset import Balance
from research.store.port import KINDS


def notes_of(sources: Sources, features: FeatureSet) -> list[str]:
    """Inputs that features need and that are not there, and how much there is."""
    frame = sources.frame
    needs = {need for one in features.features for need in one.needs}
    there = {
        "btc": sources.btc is not None,
        "eth": sources.eth is not None,
        **{name: name in sources.points for name in KINDS},
        **{f"btc_{name}": name in sources.btc_points for name in (RATIO_GLOBAL, RATIO_TOP)},
        CLUSTER: CLUSTER in sources.outside,
    }
    absent = sorted(name for name, known in there.items() if name in needs and not known)
    notes = [f"{frame.symbol}: no {name}; features made of it are missing" for name in absent]
    days = len(frame) * frame.timeframe_ms / DAY_MS
    return [*notes, f"{frame.symbol}: {len(frame):,} bars, {days:,.0f} days"]


def rows_line(balance: Balance) -> str:
    """What it was learned from, for people."""
    lived = f", {balance.lived:,} of them followed live" if balance.lived else ""
    return (
        f"Rows: {balance.signals:,} signals ({balance.won:,} won, {balance.lost:,} lost{lived}), "
        f"{balance.holds:,} bars without one; {balance.timed_out:,} signals timed out and were left out"
    )
