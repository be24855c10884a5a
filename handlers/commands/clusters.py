"""Symbols that behave alike: which, how, since when; grouped anew when somebody asks."""

from functools import partial
from typing import Annotated, Literal

from bot.domain.command import Change
from bot.domain.refusal import Refused
from bot.ml.grouping import Cluster, Grouping, Measures
from bot.runtime.desk import Desk
from handlers.cards import clock, listed, no, table
from handlers.command import Confirm, Help, Range, Risk, Role, command
from handlers.format import UNKNOWN, count, number, percent
from handlers.grouper import Groups, Kept, Regrouped, moved_words
from handlers.progress import Progress
from handlers.reply import Button, ButtonStyle, Reply

EMPTY = Groups()
NOT_YET = "Symbols have not been grouped yet: that is done every week, from 6 symbols on."
BACK = (Button("Clusters", "/clusters"),)
NOW = Button("Group now", "/group_symbols")
NEW: Literal["now"] = "now"
STOP = "stop"
STOP_IT = Button("Stop it", "/group_symbols stop", ButtonStyle.DANGER)
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


async def preview_group(desk: Desk, what: str = NEW) -> Reply | None:
    """The card before /group_symbols; to stop it nothing is asked."""
    if what == STOP:
        return None
    text = (
        "From the next bar on the new clusters count for limits, for cluster features, and for whose model speaks. "
        "Trading goes on meanwhile."
    )
    return Reply("Group the symbols anew?", text=text)


@command(area="models", role=Role.ADMIN, confirm=Confirm.BUTTON, preview=preview_group, risk=Risk.READ)
async def group_symbols(
    desk: Desk, progress: Progress, what: Literal["now", "stop"] = NEW, groups: Groups = EMPTY
) -> Reply:
    """Group symbols by how they behaved for a month; done every week by itself."""
    if what == STOP:
        ended = await groups.grouper.stop(progress.user)
        return (
            no("You have nothing running.") if not ended else Reply(f"{ended[:1].upper()}{ended[1:]} stopped")
        )
    found = await groups.grouper.regroup(progress.user, partial(_tell, progress))
    if isinstance(found, Refused):
        return await _not_done(progress, found)
    await progress.finish(Reply("Grouping: done"))
    return _made(desk, found)


async def _not_done(progress: Progress, answer: Refused) -> Reply:
    """The message that moved says that it has ended, too."""
    if answer.rule == "running":
        return no(f"{answer.figures.rstrip('.')}.", STOP_IT)
    await progress.finish(Reply(f"Grouping: {'stopped' if answer.rule == 'stopped' else 'not done'}"))
    return no(f"{answer.figures.rstrip('.')}.", *BACK)


async def _tell(progress: Progress, part: float, at: str = "") -> None:
    """One message that changes in place."""
    done = int(max(0.0, min(1.0, part)) * 20)
    bar = f"{'█' * done}{'░' * (20 - done)} {percent(part * 100, 0)}"
    await progress.show(Reply("Grouping runs", text=f"{bar}\n{at}".rstrip(), buttons=(STOP_IT,)))


def _made(desk: Desk, found: Regrouped) -> Reply:
    one = found.grouping
    rows = ((str(each.number), str(len(each.symbols)), _some(each), each.behaviour) for each in one.clusters)
    lines = [f"It counts for bars that close after {clock(desk).full(one.at_ms)}."]
    if found.left_out:
        names = listed(found.left_out, "/symbols")
        lines.append(f"Too few candles for a cluster: {names}.")
    words = moved_words(found.moved)
    return Reply(
        title=f"Grouped · {count(one.k, 'cluster')}",
        fields=(("In another cluster now", listed(words, "/clusters")),),
        table=table("Cluster | >Symbols | Which | Behaviour", rows),
        text="\n".join(lines),
        buttons=BACK,
        changes=tuple(
            Change(f"cluster of {name}", _name(before), _name(now)) for name, before, now in found.moved
        ),
    )


def _name(cluster: int | None) -> str:
    return "none" if cluster is None else str(cluster)
