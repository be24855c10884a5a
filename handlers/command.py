"""A command is defined once: an async function that takes the desk and typed arguments and returns a Reply.

    @command(area="risk", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_risk)
    async def set_risk(desk: Desk, amount: Annotated[Decimal, Range("0.1", 1000), Unit("USDT")]) -> Reply:
        "Set the risk per trade in USDT."

Menus, slash options, help, forms, docs and tests derive from that signature.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from inspect import getdoc

from handlers.parameter import (
    Choice,
    Example,
    Help,
    Injected,
    Kind,
    Masked,
    OpenSymbol,
    Parameter,
    Range,
    Rest,
    Suggest,
    SymbolName,
    Unit,
    read_signature,
)
from handlers.reply import Reply

__all__ = [
    "Actor",
    "Choice",
    "Command",
    "Confirm",
    "Example",
    "Help",
    "Injected",
    "Kind",
    "Masked",
    "OpenSymbol",
    "Parameter",
    "Range",
    "Rest",
    "Risk",
    "Role",
    "Suggest",
    "SymbolName",
    "Unit",
    "command",
]


class Role(IntEnum):
    """What a person may do; each role may do what the one before it may."""

    VIEWER = 1
    TRADER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as people write it."""
        return self.name.lower()


class Confirm(StrEnum):
    """What a command asks for before it acts; CODE is a button as long as the user has set no code."""

    NONE = "none"
    BUTTON = "button"
    CODE = "code"


class Risk(StrEnum):
    """What a command does to the risk: it decides how old a message may be when it arrives."""

    READ = "read"
    LOWERS = "lowers"
    RAISES = "raises"


@dataclass(frozen=True, slots=True)
class Actor(Injected):
    """Who asks. Identity is the platform's user id; the name is only for people to read.

    `origin` is the update that asks ("telegram:123"), empty when it cannot come twice; `alone` is True where nobody
    else reads (a private chat, a terminal, one's own page).
    """

    platform: str
    user_id: str
    name: str
    role: Role
    origin: str = ""
    alone: bool = False

    @property
    def id(self) -> str:
        """The identity as config and audit write it: platform:user_id."""
        return f"{self.platform}:{self.user_id}"


type Handler = Callable[..., Awaitable[Reply]]
type Preview = Callable[..., Awaitable[Reply | None]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `preview` gets the handler's arguments (those it names) and returns the card that is shown before a confirmation;
    a card with `ok` False is the answer and nothing is asked; None means that with these arguments nothing has to be
    confirmed. `unconfirmed` is the word that skips the confirmation. `accounts` are the names that `account=NAME` may
    have, when there are several desks.
    """

    name: str
    area: str
    role: Role
    confirm: Confirm
    risk: Risk
    help: str
    details: str
    handler: Handler
    aliases: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    injected: tuple[tuple[str, type[Injected]], ...] = ()
    preview: Preview | None = None
    unconfirmed: str = ""
    accounts: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """How the command is written: /close SYMBOL [PERCENT]; with several accounts, [account=NAME] too."""
        words = [f"/{self.name}", *(parameter.usage for parameter in self.parameters)]
        words += [f"[{self.unconfirmed}]"] if self.unconfirmed else []
        return " ".join([*words, "[account=NAME]"] if self.accounts else words)

    @property
    def example(self) -> str:
        """A line that works, from the parameters' examples; what stands before a shown one is shown too."""
        telling = [at for at, one in enumerate(self.parameters, start=1) if one.required or one.example]
        shown = (one.sample or str(one.default or "") for one in self.parameters[: max(telling, default=0)])
        return " ".join([f"/{self.name}", *(word for word in shown if word)])


def command(
    *,
    area: str,
    role: Role,
    confirm: Confirm = Confirm.NONE,
    risk: Risk | None = None,
    aliases: tuple[str, ...] = (),
    preview: Preview | None = None,
    unconfirmed: str = "",
) -> Callable[[Handler], Command]:
    """Make a handler a command of its own name.

    Without `risk`, a viewer's command is a read and any other is taken to raise the risk (the strictest).
    """

    def define(handler: Handler) -> Command:
        found = read_signature(handler)
        head, _, tail = (getdoc(handler) or "").partition("\n")
        return Command(
            name=getattr(handler, "__name__", ""),
            area=area,
            role=role,
            confirm=confirm,
            risk=risk or (Risk.READ if role is Role.VIEWER else Risk.RAISES),
            help=head.strip(),
            details=tail.strip(),
            handler=handler,
            aliases=aliases,
            parameters=found.parameters,
            injected=found.injected,
            preview=preview,
            unconfirmed=unconfirmed,
        )

    return define
