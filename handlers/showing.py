"""What a notice looks like to one person: the buttons that belong to it, its picture, only its headline if he likes."""

from collections.abc import Awaitable, Callable, Sequence

from bot.domain.action import PLACES
from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.command import Role
from handlers.render_text import notice_reply
from handlers.reply import Attachment, Button, ButtonStyle, Plot, Reply

type Dress = Callable[[str, str, Role, Reply], Reply]
"""Gives a reply's buttons their ids for a platform, a chat and a role: Dispatcher.dress_for."""
type Draw = Callable[[str], Awaitable[Plot | None]]
"""The plot of a command line's reply, None when there is none."""

type Attach = Callable[[str], Awaitable[Attachment | None]]
"""The kept file of a name, None when it is not there any more."""

PICTURE = "Picture"
"""The field that names what the notice's picture is drawn from: a command line, or a kept report's file."""
FILE = "File"
"""The field that names the kept file that goes with the notice."""

WAITING = "Wait for approval"
"""The field that names proposals that came with the notice: p1, p2."""


def undressed(platform: str, chat_id: str, role: Role, reply: Reply) -> Reply:
    """Where nobody can press anything, or nothing gives ids: no buttons."""
    return Reply(
        reply.title, reply.fields, reply.table, reply.text, reply.plot, reply.file, severity=reply.severity
    )


async def no_picture(line: str) -> Plot | None:
    """Where nothing is drawn."""
    return None


async def no_file(name: str) -> Attachment | None:
    """Where nothing is kept."""
    return None


def number_of(notice_id: int) -> int:
    """The number by which people call a notice: the journal line it came with."""
    return notice_id // PLACES


def acknowledge_button(number: int | str) -> Button:
    """Says that somebody sees to it; `number` may be the word all."""
    label = "Acknowledge" if number != "all" else "Acknowledge all"
    return Button(label, f"/ack {number}", ButtonStyle.PRIMARY)


def picture_line(notice: Notice) -> str:
    """What the picture of a notice is drawn from, empty when there is none."""
    return dict(notice.fields).get(PICTURE, "") if notice.kind is NoticeKind.DIGEST else ""


def file_name(notice: Notice) -> str:
    """The kept file that goes with a notice, empty when there is none."""
    return dict(notice.fields).get(FILE, "") if notice.kind is NoticeKind.DIGEST else ""


def shown(
    notice: Notice, notice_id: int, *, short: bool, plot: Plot | None, file: Attachment | None = None
) -> Reply:
    """The reply that tells a notice; `notice_id` 0 for what stands for many, or was never written down."""
    there = {PICTURE: plot, FILE: file}
    fields = () if short else tuple(one for one in notice.fields if there.get(one[0]) is None)
    plain = notice_reply(notice)
    return Reply(
        plain.title,
        fields,
        severity=plain.severity,
        plot=plot,
        file=file,
        buttons=tuple(_buttons(notice, notice_id)),
    )


def _buttons(notice: Notice, notice_id: int) -> list[Button]:
    found: list[Button] = []
    if notice.severity is Severity.CRITICAL and notice_id and not notice.to:
        found.append(acknowledge_button(number_of(notice_id)))
    if notice.kind in {NoticeKind.ENTRY, NoticeKind.EXIT}:
        found.append(Button("Status", "/status"))
        found += [Button("Chart", f"/chart {notice.symbol}")] if notice.symbol else []
    elif notice.kind is NoticeKind.KILL:
        found.append(Button("Kills", "/kill"))
    elif notice.kind is NoticeKind.DAILY_LOSS:
        found.append(Button("Risk", "/risk"))
    elif notice.kind in {NoticeKind.DIGEST, NoticeKind.MODEL}:
        waiting = dict(notice.fields).get(WAITING, "")
        found += decision_buttons(waiting.split(", ")) if waiting else ()
    return found


def decision_buttons(proposals: Sequence[str]) -> tuple[Button, ...]:
    """Approve and reject for each proposal, and the list that compares them."""
    pairs = (
        (Button(f"Approve {one}", f"/approve {one}"), Button(f"Reject {one}", f"/reject {one}"))
        for one in proposals
    )
    return (*(button for pair in pairs for button in pair), Button("Proposals", "/proposals"))
