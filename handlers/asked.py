"""What a request asks for, found out without any effect: which command, with which words."""

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.buttons import ButtonBook, GiveAnswer, Held, RunLine, SecondAnswer, TurnPage
from handlers.command import Command
from handlers.parse import MOST_CHARACTERS
from handlers.registry import Registry
from handlers.request import ChatKind, Request, RequestKind
from handlers.text import clean, echo, stored


@dataclass(frozen=True, slots=True)
class Asked:
    """One request taken apart. `word` is the command as typed, cleaned; empty when nothing named one.

    `rest` are the words after it, `form` the named values instead of words, `held` what a pressed button stands for.
    """

    word: str
    command: Command | None
    rest: str = ""
    form: Mapping[str, str] | None = None
    held: Held | None = None

    @property
    def named(self) -> bool:
        """True when a command was named, known or not: such requests are audited."""
        return bool(self.word)

    @property
    def arguments(self) -> str:
        """The arguments as the audit keeps them."""
        if self.form is None:
            return stored(self.rest)
        return stored(" ".join(f"{name}={value}" for name, value in self.form.items()))

    @property
    def line(self) -> str:
        """The request as a line that can be run again."""
        if self.form is None:
            return clean(f"/{self.word} {self.rest[: MOST_CHARACTERS + 1]}")
        words = (
            f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in self.form.items()
        )
        return clean(" ".join([f"/{self.word}", *words])[: MOST_CHARACTERS + 1])


def is_for_us(request: Request) -> bool:
    """False for the talk of a group, which is nobody's business here."""
    talk = request.kind is RequestKind.TEXT and not request.text.lstrip().startswith("/")
    return not (talk and request.chat_kind in (ChatKind.GROUP, ChatKind.CHANNEL))


def take_apart(request: Request, registry: Registry, book: ButtonBook) -> Asked:
    """Find out what is asked for."""
    match request.kind:
        case RequestKind.TEXT:
            return _from_text(request, registry)
        case RequestKind.BUTTON | RequestKind.MODAL:
            return _from_button(request, registry, book)
        case RequestKind.SLASH | RequestKind.FORM:
            word = echo(request.command.lstrip("/")).casefold()
            return Asked(word, registry.find(word), form=request.arguments)


def _from_text(request: Request, registry: Registry) -> Asked:
    """A console needs no slash before a command's name; anywhere else talk is not a command."""
    head, _, rest = request.text.strip().replace("\n", " ").replace("\t", " ").partition(" ")
    if head.startswith("/"):
        return _from_words(head.removeprefix("/"), rest, registry)
    bare = registry.find(head.casefold()) if request.chat_kind in (ChatKind.CONSOLE, ChatKind.WEB) else None
    return _from_words(head, rest, registry) if bare else Asked("", None, request.text)


def _from_words(head: str, rest: str, registry: Registry) -> Asked:
    name = head.partition("@")[0].casefold()
    return Asked(echo(name) or "/", registry.find(name), rest.strip())


def _from_line(line: str, registry: Registry, held: Held) -> Asked:
    head, _, rest = line.removeprefix("/").partition(" ")
    return Asked(head, registry.find(head), rest.strip(), held=held)


def _from_button(request: Request, registry: Registry, book: ButtonBook) -> Asked:
    held = book.find(request.button, request.chat_id)
    match held:
        case RunLine(line=line):
            return _from_line(line, registry, held)
        case TurnPage(reply=reply):
            return Asked(reply.name, registry.find(reply.name), held=held)
        case GiveAnswer(question=question):
            return _from_line(question.arguments.line, registry, held)
        case SecondAnswer(pending=pending):
            return _from_line(pending.question.arguments.line, registry, held)
        case None:
            return Asked("", None)
