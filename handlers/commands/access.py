"""Access: who may do what, granted and taken away while the desk runs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from bot.domain.command import Change
from bot.domain.errors import StorageError
from bot.domain.market import DAY_MS, HOUR_MS
from bot.runtime.desk import Desk
from handlers.access import ConfiguredAccess, CrewAccess, Member, NoGrants
from handlers.cards import listed, no, proposed, table
from handlers.command import Actor, Confirm, Example, Help, Role, Suggest, command
from handlers.format import Clock, count
from handlers.reply import Button, Reply, Snapshot
from handlers.text import echo

NOBODY = CrewAccess(ConfiguredAccess({}), NoGrants(), lambda: 0)
LONGEST_DAYS = 3650
NONE = "no access"
PICKED = 8

_USER = re.compile(r"(telegram|discord|slack|web):[\w.@+-]{1,64}")
_SPAN = re.compile(r"([0-9]{1,5})([hdw])")
_SPANS = {"h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

User = Annotated[str, Help("platform:user_id; names count nothing"), Example("telegram:123456789")]
Granted = Annotated[Literal["viewer", "trader", "admin"] | None, Help("what the user may do")]
Until = Annotated[
    str,
    Suggest(("12h", "7d", "4w")),
    Help("12h, 7d, 4w, or a date 2026-12-01 (its first minute); empty: without end"),
    Example("7d"),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a grant would be: `until_ms` 0 without end."""

    user: str
    role: Role
    until_ms: int


def _read(desk: Desk, access: CrewAccess, actor: Actor, words: tuple[str, str | None, str]) -> Asked | str:
    """The grant that the words mean, or why it cannot be."""
    user, role_word, until = _plain(words[0]), words[1], words[2].strip().casefold()
    if not _USER.fullmatch(user):
        return _no_user(words[0])
    if role_word is None:
        return "Which role? viewer, trader or admin."
    role, now_ms = Role[role_word.upper()], access.wall_clock()
    if role > actor.role:
        return f"You are {actor.role.word}: nobody grants more than that."
    until_ms = _moment(until, now_ms, ZoneInfo(desk.about.timezone))
    if until_ms is None:
        text = f"until must be hours, days or weeks (12h, 7d, 4w) or a date (2026-12-01), not “{echo(words[2])}”."
        return f"{text} It lies ahead, at most {LONGEST_DAYS} days."
    asked = Asked(user, role, until_ms)
    if until_ms and (more := _more_after(access, user)):
        return more
    return _last_admin(access, actor, user, role if not until_ms else None) or asked


def _more_after(access: CrewAccess, user: str) -> str:
    """Why no grant with an end may replace what was taken away for good: its end would give all of it back."""
    now_ms = access.wall_clock()
    lasting, configured = access.grant_of(user, now_ms), access.configured.role(user, now_ms)
    if lasting is None or lasting.until_ms or configured is None:
        return ""
    if (access.role(user, now_ms) or 0) >= configured:
        return ""
    return (
        f"When it ends, {user} would be {configured.word} again, as config.yaml says: here that was taken away. "
        "Grant it without end, or change chat.users in config.yaml first."
    )


def _no_user(word: str) -> str:
    return (
        f"USER must be platform:user_id with telegram, discord, slack or web, for example telegram:123456789, "
        f"not “{echo(word)}”."
    )


def _moment(text: str, now_ms: int, zone: ZoneInfo) -> int | None:
    """When access ends, 0 for never, None for what is no time ahead."""
    if not text:
        return 0
    span = _SPAN.fullmatch(text)
    if span:
        at_ms = now_ms + int(span[1]) * _SPANS[span[2]]
    elif _DATE.fullmatch(text):
        try:
            at_ms = int(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).timestamp()) * 1000
        except ValueError:
            return None
    else:
        return None
    return at_ms if now_ms < at_ms <= now_ms + LONGEST_DAYS * DAY_MS else None


def _last_admin(access: CrewAccess, actor: Actor, user: str, role: Role | None) -> str:
    """Why a change may not be: somebody in a chat must always be able to let people in. "" when it may.

    Whoever sits at the machine itself may take the last one's access too: it may be in the wrong hands.
    """
    if user in access.fixed:
        return f"{user} sits at the machine itself; that access is not given or taken here."
    admins = access.lasting_admins(access.wall_clock()) - access.fixed
    if role is Role.ADMIN or user not in admins or admins - {user} or actor.id in access.fixed:
        return ""
    return f"{user} is the last admin. Make somebody else admin first: then this can be done."


def _clock(desk: Desk, access: CrewAccess) -> Clock:
    return Clock(ZoneInfo(desk.about.timezone), access.wall_clock())


def _standing(desk: Desk, access: CrewAccess, user: str) -> str:
    """What a user may do now."""
    now_ms = access.wall_clock()
    role, grant = access.role(user, now_ms), access.grant_of(user, now_ms)
    return _worded(desk, access, role, grant.until_ms if grant is not None else 0)


def _worded(desk: Desk, access: CrewAccess, role: Role | None, until_ms: int) -> str:
    end = f" until {_clock(desk, access).full(until_ms)}" if until_ms else ""
    return f"{role.word if role is not None else NONE}{end}"


def _after_end(access: CrewAccess, asked: Asked) -> str:
    configured = access.configured.users.get(asked.user)
    if not asked.until_ms:
        return ""
    word = configured.word if configured is not None else NONE
    return f"Then {word} again."


async def preview_grant(
    desk: Desk,
    actor: Actor,
    user: str = "",
    role: Literal["viewer", "trader", "admin"] | None = None,
    until: str = "",
    access: CrewAccess = NOBODY,
) -> Reply:
    """The card before /grant; without user or role, what may be chosen."""
    if not user:
        return await _pick_user(access)
    asked = _read(desk, access, actor, (user, role, until))
    if isinstance(asked, str):
        return no(asked, *(_pick_role(user) if role is None and _USER.fullmatch(_plain(user)) else ()))
    change = Change(asked.user, _standing(desk, access, asked.user), _asked_words(desk, access, asked))
    name = access.name_of(asked.user)
    known = f"Last heard of as {name}." if name != asked.user else "Never heard of here."
    card = proposed("Grant access?", (change,), f"{known} {_after_end(access, asked)}".strip())
    bound = f"{asked.user} {change.before} {asked.role.word} {until.casefold()}"
    return replace(card, snapshot=Snapshot(bound))  # the end of "7d" moves on with every minute


def _asked_words(desk: Desk, access: CrewAccess, asked: Asked) -> str:
    return _worded(desk, access, asked.role, asked.until_ms)


async def _pick_user(access: CrewAccess) -> Reply:
    """Who asks for access first, then whom the desk knows."""
    asking = [user for user, _, _ in await _requests(access)]
    known = [member.user for member in access.members(access.wall_clock()) if member.user not in access.fixed]
    users = list(dict.fromkeys((*asking, *known)))[:PICKED]
    return no("Grant whom? /grant USER ROLE [UNTIL]", *(Button(user, f"/grant {user}") for user in users))


def _pick_role(user: str) -> Iterator[Button]:
    for role in Role:
        yield Button(f"{role.word.capitalize()} 7 days", f"/grant {user} {role.word} 7d")
        yield Button(role.word.capitalize(), f"/grant {user} {role.word}")


@command(area="access", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_grant)
async def grant(
    desk: Desk,
    actor: Actor,
    user: User = "",
    role: Granted = None,
    until: Until = "",
    access: CrewAccess = NOBODY,
) -> Reply:
    """Let a user in with a role, for a while or without end; it replaces what the user had.

    A grant goes before the configuration until it ends. It is kept over restarts.
    """
    asked = _read(desk, access, actor, (user, role, until))
    if isinstance(asked, str):
        return no(asked)
    before = _standing(desk, access, asked.user)
    try:
        await access.give(asked.user, asked.role, asked.until_ms, actor.id)
    except StorageError:
        return no("The grant could not be stored, so it does not count. /health says how the database is.")
    change = Change(asked.user, before, _asked_words(desk, access, asked))
    said = f"{asked.user} may now do what a {asked.role.word} may. {_after_end(access, asked)}".strip()
    return Reply(
        "Access granted", (_arrow(change),), text=said, buttons=_afterwards(asked.user), changes=(change,)
    )


def _arrow(change: Change) -> tuple[str, str]:
    return change.name, f"{change.before} → {change.after}"


def _afterwards(user: str) -> tuple[Button, ...]:
    return Button("Who", "/who"), Button("Revoke", f"/revoke {user}")


async def preview_revoke(desk: Desk, actor: Actor, user: str = "", access: CrewAccess = NOBODY) -> Reply:
    """The card before /revoke."""
    wrong = _not_revoked(access, actor, user)
    if wrong:
        crew = [one for one in access.crew(access.wall_clock()) if one not in access.fixed][:PICKED]
        return no(wrong, *(Button(one, f"/revoke {one}") for one in crew if not user))
    change = Change(_plain(user), _standing(desk, access, _plain(user)), NONE)
    text = f"Menus and buttons stop working at once. {_elsewhere(access, _plain(user))}".strip()
    return proposed("Take access away?", (change,), text)


def _elsewhere(access: CrewAccess, user: str) -> str:
    """The same person's other users that keep their access."""
    now_ms = access.wall_clock()
    others = [one for one in access.persons.users_of(user) if one != user and access.role(one, now_ms)]
    return (
        f"The same person keeps {listed(others, '/who')}: revoke that too if it is meant." if others else ""
    )


def _plain(user: str) -> str:
    """A user as access knows it; ids keep their case (Slack's are capitals)."""
    platform, colon, name = user.strip().partition(":")
    return f"{platform.casefold()}{colon}{name}"


def _not_revoked(access: CrewAccess, actor: Actor, user: str) -> str:
    if not user:
        return "Revoke whom? /revoke USER"
    plain = _plain(user)
    if access.role(plain, access.wall_clock()) is None:
        return f"“{echo(user)}” has no access. /who lists who has."
    return _last_admin(access, actor, plain, None)


@command(area="access", role=Role.ADMIN, confirm=Confirm.CODE, preview=preview_revoke)
async def revoke(desk: Desk, actor: Actor, user: User = "", access: CrewAccess = NOBODY) -> Reply:
    """Take a user's access away, also what the configuration gives.

    It stays so over restarts, until somebody grants it again.
    """
    wrong = _not_revoked(access, actor, user)
    if wrong:
        return no(wrong)
    plain = _plain(user)
    change = Change(plain, _standing(desk, access, plain), NONE)
    kept = ""
    try:
        await access.give(plain, None, 0, actor.id)
    except StorageError:
        kept = " It could not be stored: after a restart the user has access again. /health says how the database is."
    text = f"{plain} can do nothing here any more.{kept} {_elsewhere(access, plain)}".strip()
    again = Button("Who", "/who")
    return Reply("Access taken away", (_arrow(change),), text=text, buttons=(again,), changes=(change,))


async def preview_refuse(desk: Desk, user: str, access: CrewAccess = NOBODY) -> Reply:
    """The card before /refuse."""
    asked = next((one for one in await _requests(access) if one[0] == _plain(user)), None)
    if asked is None:
        return no(f"“{echo(user)}” has no open request. /who lists those that are open.")
    fields = (("User", asked[0]), ("Calls himself", asked[1] or "nothing"))
    return Reply(
        "Refuse this request?", fields, text="The user is told nothing and may ask again after 30 days."
    )


@command(area="access", role=Role.ADMIN, confirm=Confirm.BUTTON, preview=preview_refuse)
async def refuse(desk: Desk, user: User, access: CrewAccess = NOBODY) -> Reply:
    """Refuse a stranger's request for access; the stranger is told nothing."""
    plain = _plain(user)
    if not any(one[0] == plain for one in await _requests(access)):
        return no(f"“{echo(user)}” has no open request.")
    try:
        await access.store.decided(plain, access.wall_clock())
    except StorageError:
        return no("That could not be stored; the request is still open. /health says how the database is.")
    change = Change(f"request of {plain}", "open", "refused")
    return Reply("Request refused", (_arrow(change),), buttons=(Button("Who", "/who"),), changes=(change,))


async def _requests(access: CrewAccess) -> Sequence[tuple[str, str, int]]:
    try:
        return await access.store.asking()
    except StorageError:
        return ()


@command(area="access", role=Role.ADMIN)
async def who(desk: Desk, access: CrewAccess = NOBODY) -> Reply:
    """Users with role, source, end, last seen, code on or off; and who asks to be let in."""
    at = _clock(desk, access)
    members = access.members(at.now_ms)
    rows = [await _member_row(at, access, member) for member in members]
    asking = await _requests(access)
    waits = tuple((f"Asks: {user}", f"{name or 'no name'}, {at.ago(at_ms)}") for user, name, at_ms in asking)
    return Reply(
        title=f"Crew · {count(sum(member.role is not None for member in members), 'user')}",
        fields=waits,
        table=table("User | Name | Role | From | Until | Last seen | Code", rows),
        text="" if waits else "Nobody asks for access.",
        buttons=(*_asking_buttons([user for user, _, _ in asking[:3]]), Button("Refresh", "/who")),
    )


async def _member_row(at: Clock, access: CrewAccess, member: Member) -> tuple[str, ...]:
    return (
        member.user,
        member.name or "–",
        member.role.word if member.role is not None else NONE,
        member.source,
        at.full(member.until_ms) if member.until_ms else "no end",
        at.ago(member.seen_at_ms),
        "on" if await access.has_code(member.user) else "off",
    )


def _asking_buttons(users: Sequence[str]) -> Iterator[Button]:
    for user in users:
        yield Button(f"Grant {user}", f"/grant {user}")
        yield Button(f"Refuse {user}", f"/refuse {user}")
