"""What waits for a person: proposals to approve or reject; and the history of settings, with the way back."""

from collections.abc import Sequence
from typing import Annotated, Literal

from bot.domain.command import Change, UndoSetting
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, no, proposed, refused, table
from handlers.command import Actor, Confirm, Example, Help, Range, Rest, Role, command
from handlers.format import UNKNOWN, count
from handlers.learning import Proposal, Proposals
from handlers.reply import Button, Reply
from handlers.settings_cards import setting_lines

EMPTY = Proposals()
BACK = (Button("Proposals", "/proposals"),)
UNDOABLE = 6
"""So many changes get a button of their own."""
DECIDED = 20

ProposalId = Annotated[str, Help("its name in /proposals"), Example("p12")]
Why = Annotated[str, Rest(), Help("why; kept with it"), Example("too few trades to tell")]


@command(area="proposals", role=Role.VIEWER)
async def proposals(
    desk: Desk,
    which: Annotated[
        Literal["waiting", "decided"], Help("those that wait, or those that are over")
    ] = "waiting",
    proposals: Proposals = EMPTY,
) -> Reply:
    """What waits for approval: parameter sets, models, sweep results, each with figures before and after."""
    if which == "decided":
        return _over(desk, await proposals.book.decided(DECIDED))
    found = await proposals.book.waiting()
    at = clock(desk)
    rows = (
        (one.id, at.short(one.at_ms), one.kind, one.title, *figures)
        for one in found
        for figures in (*one.changes, *one.figures) or ((UNKNOWN, UNKNOWN, UNKNOWN),)
    )
    buttons = (button for one in found[:3] for button in _decisions(one))
    ends = [one.expires_at_ms for one in found if one.expires_at_ms]
    until = f" The first of them expires {at.full(min(ends))}." if ends else ""
    return Reply(
        title=f"Proposals · {len(found)}" if found else "Proposals · none",
        table=table("Id | Since | Kind | What | Figure | >Before | >After", rows),
        text=f"Nothing of it counts before somebody approves it.{until}"
        if found
        else "Nothing waits for approval.",
        buttons=(
            Button("Refresh", "/proposals"),
            *buttons,
            Button("Decided", "/proposals decided"),
            Button("Settings", "/settings"),
        ),
    )


def _over(desk: Desk, found: Sequence[Proposal]) -> Reply:
    """Those that do not wait any more."""
    at = clock(desk)
    rows = ((one.id, at.short(one.at_ms), one.kind, one.title, one.outcome) for one in found)
    return Reply(
        title=f"Proposals decided · {len(found)}, newest first" if found else "Proposals decided · none",
        table=table("Id | Since | Kind | What | What became of it", rows),
        text="" if found else "Nobody has decided about one yet.",
        buttons=BACK,
    )


def _decisions(one: Proposal) -> tuple[Button, ...]:
    return Button(f"Approve {one.id}", f"/approve {one.id}"), Button(f"Reject {one.id}", f"/reject {one.id}")


def _not_there(answer: Refused) -> Reply:
    """Why it cannot be decided about."""
    return no(f"{answer.figures[:1].upper()}{answer.figures[1:]}.", *BACK)


async def preview_approve(desk: Desk, id: str, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """The card before /approve."""
    found = await proposals.book.found(id, to_apply=True)
    if isinstance(found, Refused):
        return _not_there(found)
    changes = [Change(*change) for change in found.changes]
    rows = table("Figure | >Before | >After", found.figures)
    text = "It counts from the next bar on; open trades keep their stops. /undo takes it back."
    return proposed(f"Apply {found.title}?", changes, text, rows)


@command(area="proposals", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_approve)
async def approve(desk: Desk, actor: Actor, id: ProposalId, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """Apply what was proposed, all of it or nothing; /undo takes it back."""
    answer = await proposals.book.approve(id, actor.id, actor.origin)
    if isinstance(answer, Refused):
        return _not_there(answer) if answer.rule == "proposal" else refused(answer)
    undo = (Button(f"Undo {answer.change_id}", f"/undo {answer.change_id}"),) if answer.change_id else ()
    buttons = (*BACK, *undo, Button("Settings", "/settings"))
    return answered("Applied", answer.done, "It counts from the next bar on.", buttons)


async def preview_reject(desk: Desk, id: str, reason: str, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """The card before /reject."""
    found = await proposals.book.found(id)
    if isinstance(found, Refused):
        return _not_there(found)
    return Reply(
        f"Drop {found.title}?", text=f"Nothing changes; it does not wait any more.\nReason: {reason}"
    )


@command(area="proposals", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_reject)
async def reject(
    desk: Desk,
    actor: Actor,
    id: ProposalId,  # noqa: A002
    reason: Why,
    proposals: Proposals = EMPTY,
) -> Reply:
    """Drop what was proposed, with a reason."""
    answer = await proposals.book.reject(id, actor.id, reason)
    if isinstance(answer, Refused):
        return _not_there(answer)
    return answered("Dropped", answer, f"Reason: {reason}", BACK)


# --- settings and the way back --------------------------------------------------------------------------------------


@command(area="proposals", role=Role.VIEWER)
async def settings(desk: Desk, n: Annotated[int, Range(1, 200), Help("how many changes")] = 20) -> Reply:
    """Settings changed at run time, newest first: what, by whom, from what to what; with the way back."""
    found = await desk.settings(n)
    if not found:
        text = "Nothing was changed at run time: the configuration counts as it is."
        return Reply("Settings changed · none", text=text, buttons=(Button("Configuration", "/config"),))
    at = clock(desk)
    rows = ((str(one.id), at.short(one.at_ms), one.actor, one.key, one.before, one.after) for one in found)
    numbers = list(dict.fromkeys(one.id for one in found))[:UNDOABLE]
    more = (Button("More", f"/settings {min(200, 2 * n)}"),) if len(found) == n and n < 200 else ()
    return Reply(
        title=f"Settings changed · last {count(len(found), 'change')}, newest first",
        table=table(">Id | Time | Who | Setting | Before | After", rows),
        text="/undo ID takes one back, as long as nothing else has changed it since.",
        buttons=(
            Button("Refresh", f"/settings {n}"),
            *more,
            *(Button(f"Undo {number}", f"/undo {number}") for number in numbers),
        ),
    )


ChangeId = Annotated[int, Range(1, 10**15), Help("its number in /settings"), Example("42")]


async def preview_undo(desk: Desk, actor: Actor, id: int) -> Reply:  # noqa: A002
    """The card before /undo: from the present value back to the earlier one."""
    found = await desk.preview_setting(UndoSetting(id), actor.id)
    if isinstance(found, Refused):
        return refused(found)
    return proposed(f"Take change {id} back?", found.changes, setting_lines(desk, found))


@command(area="proposals", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_undo)
async def undo(desk: Desk, actor: Actor, id: ChangeId) -> Reply:  # noqa: A002
    """Take an applied proposal or setting back, as long as nothing else has changed it since.

    A pause or a stop of all symbols is no setting: /resume and /start_trading lift them.
    """
    answer = await desk.execute(UndoSetting(id), actor.id)
    return answered(f"Change {id} taken back", answer, buttons=(Button("Settings", "/settings"),))
