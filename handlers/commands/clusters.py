"""Symbols that behave alike: which, how, since when."""

from typing import Annotated

from bot.ml.grouping import Cluster, Grouping, Measures
from bot.runtime.desk import Desk
from handlers.cards import clock, listed, no, table
from handlers.command import Help, Range, Role, command
from handlers.format import UNKNOWN, count, number, percent
from handlers.grouper import Groups, Kept
from handlers.reply import Button, Reply

EMPTY = Groups()
NOT_YET = "Symbols have not been grouped yet: that is done every week, from 6 symbols on."
BACK = (Button("Clusters", "/clusters"),)
NOW = Button("Group now", "/retrain clusters")
COLUMNS = "Cluster | >Symbols | Which | Behaviour | >ATR | >Turnover a day | >With BTC | >Beta"
MEMBERS = "Symbol | >ATR | >Turnover a day | >With BTC | >Beta | >Trend | >Spread"

Number = Annotated[int | None, Range(0, 49), Help("one of them, with all its symbols")]


@command(area="models", role=Role.VIEWER)
async def clusters(desk: Desk, cluster: Number = None, groups: Groups = EMPTY) -> Reply:
    """Symbols that behave alike, how they behave in words and figures, and since when."""
    kept = await groups.grouper.kept()
    found = kept.newest
    if found is None:
        return Reply("Clusters · none", text=NOT_YET, buttons=(NOW, Button("Symbols", "/symbols")))
    if cluster is None:
        return _all(desk, found, kept)
    if cluster >= found.k:
        return no(f"There is no cluster {cluster}; there are 0 to {found.k - 1}.", *BACK)
    return _one(found, found.clusters[cluster])


def _all(desk: Desk, found: Grouping, kept: Kept) -> Reply:
    at = clock(desk)
    rows = ((str(one.number), str(len(one.symbols)), _some(one), one.behaviour, *_figures(one.means))
            for one in found.clusters)  # fmt: skip
    since = f"{count(kept.count, 'grouping')}, the first of {at.full(kept.first_ms)}"
    return Reply(
        title=f"Clusters · {found.k}",
        fields=(
            ("Counts for bars after", at.full(found.at_ms)),
            (
                "Made from",
                f"the candles of {count(found.days, 'day')}, {count(len(found.members), 'symbol')}",
            ),
            ("They stand apart by", f"{number(found.silhouette)} (silhouette, -1 to 1)"),
            ("Kept", since),
        ),
        table=table(COLUMNS, rows),
        text="Cluster 0 is the calmest. ATR is a share of the price, turnover in quote asset.",
        buttons=(
            Button("Refresh", "/clusters"),
            *(Button(f"Cluster {one.number}", f"/clusters {one.number}") for one in found.clusters[:6]),
            NOW,
        ),
    )


def _one(found: Grouping, cluster: Cluster) -> Reply:
    """Every symbol of it with its figures."""
    members = [one for one in found.members if one.cluster == cluster.number]
    rows = (
        (
            one.symbol,
            *_figures(one.measures),
            number(one.measures.trend),
            percent(one.measures.spread * 100, 3),
        )
        for one in members
    )
    return Reply(
        title=f"Cluster {cluster.number} · {count(len(members), 'symbol')}",
        fields=(("Behaviour", cluster.behaviour),),
        table=table(MEMBERS, rows),
        text="Trend: way made over way gone, 0 to 1. Spread: estimated from highs and lows.",
        buttons=BACK,
    )


def _some(cluster: Cluster) -> str:
    return listed(cluster.symbols, f"/clusters {cluster.number}")


def _figures(one: Measures) -> tuple[str, str, str, str]:
    beta = UNKNOWN if one.beta is None else number(one.beta)
    correlation = UNKNOWN if one.correlation is None else number(one.correlation)
    return percent(one.volatility * 100, 2), number(one.volume, 0, grouped=True), correlation, beta
