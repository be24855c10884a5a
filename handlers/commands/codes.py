"""One-time codes: set up, switch off, reset for somebody else; and the way out of a question for a text."""

from typing import Annotated

from bot.domain.command import Change
from bot.domain.errors import StorageError
from bot.runtime.chat_ports import CodeKey
from bot.runtime.desk import Desk
from handlers.cards import no, proposed
from handlers.codes import Codes
from handlers.command import Actor, Confirm, Example, Help, Masked, Risk, Role, Suggest, command
from handlers.pictures.qr import qr_png
from handlers.reply import Button, ButtonStyle, Reply

ON, OFF = "on", "off"
AWAY = no("The database does not answer, and code keys are kept there. Nothing was done.")
PRIVATE_ONLY = no("Codes are set up in a private chat only, where nobody else reads the key.")
WHY = "Commands that ask for a code then ask you for one, after Confirm."
ENTER = Button("Enter the code", "/totp", ButtonStyle.PRIMARY, prompt="Code")
LEAVE = Button("Switch off", "/totp off", prompt="Code")
BEGIN = Button("Set up", "/totp on", ButtonStyle.PRIMARY)


@command(area="system", role=Role.VIEWER)
async def totp(
    desk: Desk,
    actor: Actor,
    codes: Codes,
    what: Annotated[str, Masked(), Suggest((ON, OFF)), Help("on, off, or the code that your app shows")] = "",
    code: Annotated[str, Masked(), Help("your code, to switch off")] = "",
) -> Reply:
    """Your one-time codes: set up with a QR picture, switch off; in a private chat only."""
    if not actor.alone:
        return PRIVATE_ONLY
    word = what.casefold()
    try:
        if word == ON:
            return await _begin(codes, actor)
        if word == OFF:
            return await _leave(codes, actor, code)
        return await _enter(codes, actor, f"{what}{code}") if what else await _state(codes, actor)
    except StorageError:
        return AWAY


async def _state(codes: Codes, actor: Actor) -> Reply:
    """Whether codes are on, and the next step."""
    key = await codes.key(actor.id)
    if key is None:
        return Reply("Codes · off", text=f"{WHY} You need an authenticator app.", buttons=(BEGIN,))
    if key.confirmed:
        return Reply("Codes · on", text=WHY, buttons=(LEAVE,))
    return Reply(
        "Codes · not confirmed yet", text="Enter the code that your app shows.", buttons=(ENTER, BEGIN)
    )


async def _begin(codes: Codes, actor: Actor) -> Reply:
    """A new key as picture and text; it takes effect after a first right code."""
    key = await codes.begin(actor.id)
    if key is None:
        return no("Codes are on already. /totp off with a code switches them off.", LEAVE)
    return Reply(
        title="Codes · scan this with your authenticator app",
        fields=(("Key, if you cannot scan", _grouped(key)),),
        text="Then send the code that the app shows; until then nothing changes. Whoever has this picture has your"
        " codes: delete this message afterwards.",
        buttons=(ENTER,),
        private=True,
        expects=ENTER.prompt,
        image=qr_png(codes.uri(key)),
    )


def _grouped(key: CodeKey) -> str:
    return " ".join(key.secret[start : start + 4] for start in range(0, len(key.secret), 4))


async def _enter(codes: Codes, actor: Actor, code: str) -> Reply:
    """A first code proves the enrolment."""
    key = await codes.key(actor.id)
    if key is None:
        return no("There is no key to prove yet: /totp on makes one.", BEGIN)
    if key.confirmed:
        return no("Codes are on; there is nothing to prove.", LEAVE)
    wrong = await codes.check(actor.id, code)
    if wrong:
        return no(wrong, ENTER)
    return Reply("Codes · on", text=WHY, changes=(Change("one-time codes", OFF, ON),))


async def _leave(codes: Codes, actor: Actor, code: str) -> Reply:
    """Off needs a code, so that a stolen phone with an open chat does not do."""
    if not await codes.enrolled(actor.id):
        dropped = await codes.drop(actor.id)
        return Reply(
            "Codes · off", text="The key that was not confirmed is gone." if dropped else "They were off."
        )
    if not code:
        return no("Switching codes off needs a code: /totp off CODE", LEAVE)
    wrong = await codes.check(actor.id, code)
    if wrong:
        return no(wrong, LEAVE)
    await codes.drop(actor.id)
    return Reply("Codes · off", text="Confirm is enough again.", changes=(Change("one-time codes", ON, OFF),))


async def preview_totp_reset(desk: Desk, codes: Codes, user: str) -> Reply:
    """The card before /totp_reset."""
    try:
        key = await codes.key(user)
    except StorageError:
        return AWAY
    if key is None:
        return no("That user has no code key. Users are written platform:user_id; /who lists them.")
    change = Change(f"one-time codes of {user}", ON if key.confirmed else "not confirmed", OFF)
    return proposed(
        f"Reset the codes of {user}?", (change,), "Then Confirm is enough for them, until a new set-up."
    )


@command(area="system", role=Role.ADMIN, confirm=Confirm.CODE, risk=Risk.RAISES, preview=preview_totp_reset)
async def totp_reset(
    desk: Desk,
    codes: Codes,
    user: Annotated[str, Help("whose, as platform:user_id"), Example("telegram:123456789")],
) -> Reply:
    """Forget the code key of somebody who lost their phone."""
    try:
        dropped = await codes.drop(user)
    except StorageError:
        return AWAY
    if not dropped:
        return no("That user has no code key.")
    return Reply(f"Codes of {user} · off", changes=(Change(f"one-time codes of {user}", ON, OFF),))


@command(area="help", role=Role.VIEWER)
async def cancel(desk: Desk) -> Reply:
    """Drop a question that waits for your text; questions with buttons have their own Cancel."""
    return Reply("Nothing waits for your text now", text="A card with Cancel is answered by its button.")
