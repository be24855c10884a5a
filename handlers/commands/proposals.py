"""What waits for a person: proposals to approve or reject; and the history of settings, with the way back."""

from typing import Annotated

from bot.domain.command import Change, UndoSetting
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, no, proposed, refused, table
from handlers.command import Actor, Confirm, Example, Help, Range, Role, command
from handlers.format import UNKNOWN, count
from handlers.learning import Proposal, Proposals
from handlers.reply import Button, Reply
from handlers.settings_cards import setting_lines
from handlers.text import clip

EMPTY = Proposals()
BACK = (Button("Proposals", "/proposals"),)
UNDOABLE = 6
"""So many changes get a button of their own."""

ProposalId = Annotated[str, Help("its name in /proposals"), Example("p12")]


@command(area="proposals", role=Role.VIEWER)
async def proposals(desk: Desk, proposals: Proposals = EMPTY) -> Reply:
    """What waits for approval: parameter sets, models, sweep results, each with figures before and after."""
    found = proposals.book.waiting()
    rows = (
        (one.id, clock(desk).short(one.at_ms), one.kind, one.title, *figures)
        for one in found
        for figures in one.figures or ((UNKNOWN, UNKNOWN, UNKNOWN),)
    )
    buttons = (button for one in found[:3] for button in _decisions(one))
    return Reply(
        title=f"Proposals · {len(found)}" if found else "Proposals · none",
        table=table("Id | Since | Kind | What | Figure | >Before | >After", rows),
        text="Nothing of it counts before somebody approves it." if found else "Nothing waits for approval.",
        buttons=(Button("Refresh", "/proposals"), *buttons, Button("Settings", "/settings")),
    )


def _decisions(one: Proposal) -> tuple[Button, ...]:
    return Button(f"Approve {one.id}", f"/approve {one.id}"), Button(f"Reject {one.id}", f"/reject {one.id}")


def _find(proposals: Proposals, wanted: str) -> Proposal | None:
    return next((one for one in proposals.book.waiting() if one.id == wanted), None)


def _unknown(proposals: Proposals, wanted: str) -> Reply:
    waiting = [one.id for one in proposals.book.waiting()]
    rest = f"There are {', '.join(waiting)}." if waiting else "Nothing waits."
    return no(f"There is no proposal {clip(wanted)}. {rest}", *BACK)


async def preview_approve(desk: Desk, id: str, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """The card before /approve."""
    found = _find(proposals, id)
    if found is None:
        return _unknown(proposals, id)
    changes = [Change(*figures) for figures in found.figures]
    return proposed(f"Apply {found.title}?", changes, "It counts from the next bar on; /undo takes it back.")


@command(area="proposals", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_approve)
async def approve(desk: Desk, actor: Actor, id: ProposalId, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """Apply what was proposed; /undo takes it back."""
    answer = await proposals.book.approve(id, actor.id)
    return answered("Applied", answer, "/settings shows how to take it back.", BACK)


async def preview_reject(desk: Desk, id: str, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """The card before /reject."""
    found = _find(proposals, id)
    if found is None:
        return _unknown(proposals, id)
    return Reply(f"Drop {found.title}?", text="Nothing changes; it does not wait any more.")


@command(area="proposals", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_reject)
async def reject(desk: Desk, actor: Actor, id: ProposalId, proposals: Proposals = EMPTY) -> Reply:  # noqa: A002
    """Drop what was proposed."""
    return answered("Dropped", await proposals.book.reject(id, actor.id), buttons=BACK)


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
