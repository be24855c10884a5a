"""What people are told without asking: which notices, when, how much of them; and who sees to critical ones."""

from collections.abc import Mapping
from typing import Annotated

from bot.domain.command import Change
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.chat_ports import Escalation
from bot.runtime.desk import Desk
from bot.runtime.ports import Preference
from bot.runtime.wishes import DETAIL, HOURS, NO_HOURS
from handlers.cards import no, table
from handlers.command import Actor, Help, Risk, Role, Suggest, command
from handlers.escalation import OnCall
from handlers.format import count
from handlers.manner import read_hours
from handlers.reply import Button, Reply
from handlers.showing import acknowledge_button, number_of
from handlers.text import echo, nearest

SOUNDS = ("on", "off", "quiet")
DETAILS = ("full", "short")
ALL = "all"
KINDS = (ALL, HOURS, DETAIL, *(kind.value for kind in NoticeKind))
EXAMPLE_HOURS = "22:00-07:00"
What = Annotated[str | None, Suggest(KINDS), Help("which: all, entry, exit, kill, ...; or hours, or detail")]
Wish = Annotated[
    str | None,
    Suggest((*SOUNDS, *DETAILS, EXAMPLE_HOURS)),
    Help("on, off, quiet (no sound); hours: 22:00-07:00 or off; detail: short or full"),
]


@command(area="system", role=Role.VIEWER, risk=Risk.READ)
async def notify(desk: Desk, actor: Actor, kind: What = None, setting: Wish = None) -> Reply:
    """Which notices you get, when without a sound, how much of them; without words, what is set.

    on, off and quiet (no sound) by kind or for all; /notify hours 22:00-07:00 for quiet hours in the desk's time zone;
    /notify detail short for headlines only. Critical notices come in any case: in full and with a sound.
    """
    wishes = await desk.preferences(actor.id)
    if kind is None:
        return _wishes(wishes)
    word = kind.casefold()
    if word not in KINDS:
        meant = nearest(word, list(KINDS))
        near = (Button(known, f"/notify {known}") for known in meant)
        known = f"Did you mean {' or '.join(meant)}?" if meant else f"There are {', '.join(KINDS)}."
        return no(f"There are no such notices. {known}", *near)
    if setting is None:
        return _choice(word, wishes)
    wish = setting.casefold()
    if not _is_allowed(word, wish):
        return no(f"“{echo(setting)}” is not allowed for {word}; {_allowed(word)}.", *_buttons(word))
    return await _store(desk, actor, word, wish, wishes)


async def _store(desk: Desk, actor: Actor, word: str, wish: str, wishes: Mapping[str, str]) -> Reply:
    names = [kind.value for kind in NoticeKind] if word == ALL else [word]
    for name in names:
        await desk.set_preference(Preference(actor.id, name, wish))
    changes = tuple(Change(_title(name), _now(name, wishes), wish) for name in names)
    return Reply(
        title=f"Notices · {word}",
        fields=((_title(word), wish),),
        text="" if wish in {"on", "full"} else "Critical ones come in any case, in full and with a sound.",
        buttons=(Button("All notices", "/notify"),),
        changes=tuple(change for change in changes if change.before != change.after),
    )


def _is_allowed(word: str, wish: str) -> bool:
    if word == HOURS:
        return wish == NO_HOURS or read_hours(wish) is not None
    return wish in (DETAILS if word == DETAIL else SOUNDS)


def _allowed(word: str) -> str:
    if word == HOURS:
        return f"from-to such as {EXAMPLE_HOURS}, or off"
    return " or ".join(DETAILS) if word == DETAIL else "on, off or quiet"


def _buttons(word: str) -> tuple[Button, ...]:
    offered = {HOURS: (EXAMPLE_HOURS, NO_HOURS), DETAIL: DETAILS}.get(word, SOUNDS)
    return tuple(Button(wish, f"/notify {word} {wish}") for wish in offered)


def _choice(word: str, wishes: Mapping[str, str]) -> Reply:
    now = "" if word == ALL else f"{_title(word)} are {_now(word, wishes)}. "
    return Reply(f"Notices · {word}", text=f"{now}Choose: {_allowed(word)}.", buttons=_buttons(word))


def _title(word: str) -> str:
    return {HOURS: "Quiet hours", DETAIL: "Details"}.get(word, f"{word} notices")


def _now(word: str, wishes: Mapping[str, str]) -> str:
    return wishes.get(word, {HOURS: NO_HOURS, DETAIL: "full"}.get(word, "on"))


def _wishes(wishes: Mapping[str, str]) -> Reply:
    rows = ((kind.value.replace("_", " "), _now(kind.value, wishes)) for kind in NoticeKind)
    return Reply(
        title="Your notices",
        fields=((_title(HOURS), _now(HOURS, wishes)), (_title(DETAIL), _now(DETAIL, wishes))),
        table=table("Kind | Setting", rows),
        text="Change one with /notify KIND on, off or quiet; all at once with /notify all; quiet hours with "
        f"/notify hours {EXAMPLE_HOURS}; headlines only with /notify detail short.",
        buttons=(Button("All quiet", "/notify all quiet"), Button("All on", "/notify all on")),
    )


WHICH = (ALL,)
Number = Annotated[str, Suggest(WHICH), Help("the notice's number, or all")]


@command(area="system", role=Role.VIEWER, risk=Risk.READ)
async def ack(desk: Desk, actor: Actor, on_call: OnCall, n: Number = "") -> Reply:
    """You see to a critical notice, and nobody else is woken; without a number, what waits."""
    word = n.casefold()
    if not word:
        return _waiting(await on_call.open())
    if word != ALL and not (word.isascii() and word.isdecimal() and int(word[:18]) > 0):
        return no(f"“{echo(n)}” is no notice; a number from /ack, or all.", Button("What waits", "/ack"))
    done = await on_call.acknowledge(actor, 0 if word == ALL else int(word[:18]))
    left = await on_call.open()
    if not done:
        text = "It was acknowledged before, or there is no such notice." if word != ALL else "Nothing waits."
        return Reply("Nothing to acknowledge", text=text, buttons=_offered(left))
    return Reply(
        title=f"Acknowledged: {count(len(done), 'critical notice')}",
        fields=tuple(_line(*one) for one in done),
        text="The others who were told hear that you see to it.",
        buttons=_offered(left),
        changes=tuple(
            Change(f"notice {number_of(one.notice_id)}", "open", "acknowledged") for one, _ in done
        ),
    )


def _waiting(found: tuple[tuple[Escalation, Notice], ...]) -> Reply:
    if not found:
        return Reply("Critical notices", text="Every critical notice has been acknowledged.")
    return Reply(
        title=f"{count(len(found), 'critical notice')} not acknowledged",
        fields=tuple(_line(*one) for one in found),
        buttons=_offered(found),
        severity=Severity.CRITICAL,
    )


def _line(escalation: Escalation, notice: Notice) -> tuple[str, str]:
    return f"No. {number_of(escalation.notice_id)}", notice.title


def _offered(found: tuple[tuple[Escalation, Notice], ...]) -> tuple[Button, ...]:
    """A button for the newest, one for all of them."""
    if not found:
        return ()
    newest = acknowledge_button(number_of(found[-1][0].notice_id))
    return (newest,) if len(found) == 1 else (newest, acknowledge_button(ALL))
