"""Symbols grouped anew from a chat: one message that moves, who is in another cluster at the end."""

from bot.domain.command import Change
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import clock, listed, table
from handlers.format import count
from handlers.grouper import Groups, Regrouped, moved_words
from handlers.long_work import LongWork
from handlers.progress import Progress
from handlers.reply import Button, ButtonStyle, Reply

BACK = (Button("Clusters", "/clusters"),)
STOP_IT = Button("Stop it", "/retrain stop", ButtonStyle.DANGER)


def grouping_card() -> Reply:
    """What is asked before."""
    text = (
        "From the next bar on the new clusters count for limits, for cluster features, and for whose model speaks. "
        "Trading goes on meanwhile."
    )
    return Reply("Group the symbols anew?", text=text)


async def grouped_anew(desk: Desk, progress: Progress, groups: Groups) -> Reply:
    """Group, and say who is in another cluster."""
    work = LongWork(progress, "Grouping", STOP_IT, BACK)
    found = await groups.grouper.regroup(progress.user, work.tell)
    if isinstance(found, Refused):
        return await work.not_done(found)
    await progress.finish(Reply(f"{work.title}: done"))
    return _made(desk, found)


def _made(desk: Desk, found: Regrouped) -> Reply:
    one = found.grouping
    rows = (
        (
            str(each.number),
            str(len(each.symbols)),
            listed(each.symbols, f"/clusters {each.number}"),
            each.behaviour,
        )
        for each in one.clusters
    )
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
