"""Training from the chat: one message that moves, one proposal at the end."""

from collections.abc import Sequence
from typing import Literal

from bot.domain.command import Change
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import clock, no, table
from handlers.command import Confirm, Risk, Role, SymbolName, command
from handlers.format import UNKNOWN, count
from handlers.grouper import Groups
from handlers.long_work import LongWork, stopped
from handlers.progress import Progress
from handlers.regrouping import grouped_anew, grouping_card
from handlers.reply import Button, ButtonStyle, Reply
from handlers.showing import decision_buttons
from handlers.trainer import NOT_INSTALLED, Trained, Training, TrainOrder

ALL, STOP, CLUSTERS = "all", "stop", "clusters"
EMPTY = Training()
NO_GROUPS = Groups()
BACK = (Button("Models", "/ml"),)
STOP_IT = Button("Stop it", "/retrain stop", ButtonStyle.DANGER)
BUTTONS = 3
"""So many proposals get buttons of their own."""


async def preview_retrain(desk: Desk, symbol: str = ALL, training: Training = EMPTY) -> Reply | None:
    """The card before /retrain; to stop it nothing is asked."""
    if symbol == STOP:
        return None
    if symbol == CLUSTERS:
        return grouping_card()
    if not training.trainer.installed:
        return no(NOT_INSTALLED, *BACK)
    named = f"every symbol ({len(desk.instruments)})" if symbol == ALL else symbol
    text = "It runs in a process of its own; trading goes on. What comes of it waits in /proposals."
    return Reply(f"Train the model of {named}?", text=text)


@command(area="models", role=Role.ADMIN, confirm=Confirm.BUTTON, preview=preview_retrain, risk=Risk.READ)
async def retrain(
    desk: Desk,
    progress: Progress,
    symbol: SymbolName | Literal["all", "clusters", "stop"] = ALL,
    training: Training = EMPTY,
    groups: Groups = NO_GROUPS,
) -> Reply:
    """Train models beside trading, what comes of it waits as a proposal; clusters: group the symbols anew."""
    if symbol == STOP:
        return await _stop(training, progress.user)
    if symbol == CLUSTERS:
        return await grouped_anew(desk, progress, groups)
    chosen = tuple(desk.instruments) if symbol == ALL else (symbol,)
    work = LongWork(progress, f"Training of {'all' if symbol == ALL else symbol}", STOP_IT, BACK)
    answer = await training.trainer.train(TrainOrder(chosen, progress.user), work.tell)
    if isinstance(answer, Refused):
        return await work.not_done(answer)
    await progress.finish(Reply(f"{work.title}: done"))
    return _one(desk, answer[0]) if symbol != ALL else _many(answer, len(chosen))


async def _stop(training: Training, user: str) -> Reply:
    left = "What was trained before stays; nothing else was touched."
    return stopped(await training.trainer.stop(user), left)


def _one(desk: Desk, found: Trained) -> Reply:
    """What one training came to, before and after."""
    if found.proposal is None:
        return no(f"{found.symbol}: {found.fault.rstrip('.')}.", *BACK)
    filed = found.proposal
    waits = f"It waits for an admin until {clock(desk).full(filed.expires_at_ms)}. Nothing has changed."
    return Reply(
        title=f"Proposal {filed.id}: {filed.title}",
        table=table("Figure | >Before | >After", (*filed.changes, *filed.figures)),
        text="\n".join([*found.words, waits]),
        buttons=(*decision_buttons([filed.id]), *BACK),
        changes=(Change("proposal", "none", filed.id),),
    )


def _many(found: Sequence[Trained], asked: int) -> Reply:
    """What came of each symbol."""
    filed = [one.proposal for one in found if one.proposal is not None]
    rows = ((one.symbol, one.version or UNKNOWN, one.proposal.id if one.proposal else UNKNOWN, one.fault or "trained")
            for one in found)  # fmt: skip
    left = asked - len(found)
    stopped = f"It was stopped: {count(left, 'symbol')} not trained. " if left else ""
    waiting = (
        "Nothing counts before an admin approves it." if filed else "Nothing waits for approval from it."
    )
    return Reply(
        title=f"Trained · {len(filed)} of {asked}",
        table=table("Symbol | Version | Proposal | Result", rows),
        text=f"{stopped}{waiting}",
        buttons=(*decision_buttons([one.id for one in filed[:BUTTONS]]), *BACK),
        changes=tuple(Change("proposal", "none", one.id) for one in filed),
    )
