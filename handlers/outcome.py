"""What became of a request, in one word for the audit, and the words people read."""

from dataclasses import dataclass
from enum import StrEnum

from handlers.command import Command, Risk
from handlers.limits import ChatLimits
from handlers.reply import Button, Reply, refusal
from handlers.text import STORED_LENGTH, clean


class Outcome(StrEnum):
    """How a request ended. REFUSED: understood and said no to; DENIED: the person or the place may not.

    WAITING: confirmed, but another person has to confirm as well.
    """

    OK = "ok"
    REFUSED = "refused"
    DENIED = "denied"
    STALE = "stale"
    LIMITED = "limited"
    DUPLICATE = "duplicate"
    BAD_ARGUMENTS = "bad_arguments"
    UNKNOWN_COMMAND = "unknown_command"
    ASKED = "asked"
    WAITING = "waiting"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended, what is answered (None: nothing at all), and what the audit should know beside it.

    `recorded` False: one of a flood of refusals, counted in the next one's remark instead of a line of its own.
    """

    outcome: Outcome
    reply: Reply | None = None
    remark: str = ""
    recorded: bool = True


def stale(command: Command, line: str, age_ms: int, limits: ChatLimits) -> Reply:
    """A message that came too late, with a button to mean it again."""
    if age_ms < 0:
        when = f"Its time stamp is {-age_ms // 1000} s ahead of this machine's clock"
    else:
        when = f"It was {age_ms // 1000} s old when it arrived"
    allowed = limits.oldest_ms(command.risk) // 1000
    kind = {Risk.READ: "that read", Risk.LOWERS: "that lower risk", Risk.RAISES: "that may raise risk"}[
        command.risk
    ]
    text = f"{when}; commands {kind} run up to {allowed} s after they were sent. Nothing was done."
    return refusal(f"Too late: /{command.name}", text, (Button("Run it now", line),))


def old_button(line: str) -> Reply:
    """A press on a button from before the start: it may have waited somewhere since then."""
    text = f"{line} was not run: the press may have waited while the desk was away. Press again to run it."
    return refusal("This button is from before the start", text, (Button("Run it now", line),))


def too_fast(wait_ms: int, limits: ChatLimits) -> Reply:
    """The one notice to somebody who asks too often."""
    seconds = -(-wait_ms // 1000)
    return refusal("Too fast", f"At most {limits.per_minute} commands a minute; the next one in {seconds} s.")


def unknown(word: str, rest: str, near: tuple[Command, ...]) -> Reply:
    """No such command, with what may have been meant."""
    tail = f" {clean(rest)}" if rest and len(rest) <= STORED_LENGTH else ""
    buttons = tuple(Button(f"/{command.name}", f"/{command.name}{tail}") for command in near)
    meant = " or ".join(button.label for button in buttons)
    text = f"Did you mean {meant}?" if near else "/help lists what there is."
    return refusal(f"No command /{word}", text, buttons)


def no_command(near: tuple[Command, ...]) -> Reply:
    """Something that is no command at all."""
    buttons = tuple(Button(f"/{command.name}", f"/{command.name}") for command in near)
    meant = f" Did you mean {buttons[0].label}?" if buttons else " /help lists them."
    return refusal("Not a command", f"Commands begin with a slash.{meant}", buttons)


def denied(command: Command, role: str) -> Reply:
    """The role does not reach."""
    return refusal("Not allowed", f"/{command.name} is for the role {command.role.word}; yours is {role}.")


def fault(command: Command, trace: str) -> Reply:
    """A handler broke: nothing of the exception is told."""
    unsure = "" if command.risk is Risk.READ else " Whether it took effect is not known: look at /status."
    return refusal(
        f"Internal fault {trace}", f"/{command.name} did not finish.{unsure} The log has the details."
    )


def no_database(command: Command) -> Reply:
    """The database is away, and the command could not do without."""
    unsure = "" if command.risk is Risk.READ else " Whether it took effect is not known: look at /status."
    text = f"/{command.name} needs it and did not finish.{unsure} /health says what is wrong."
    return refusal("The database does not answer", text)


STRANGER = refusal("This desk answers only its crew.")
UNKNOWN_BUTTON = refusal(
    "This button no longer works", "It is too old or from before a restart: send the command."
)
ANSWERED = refusal("Already answered", "Each question can be answered once.")
OTHER_CARD = refusal(
    "This card is not the one that was confirmed", "The question hangs on another message. Nothing was done."
)
SECRET_SEEN = Reply(
    "That looks like a key",
    text="A token, key or password was in your message. Nothing was done and nothing of it was kept here. Delete the"
    " message and make a new key: whoever reads this chat has seen this one.",
    ok=False,
    take_back=True,
)
