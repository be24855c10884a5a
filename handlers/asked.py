"""What a request asks for, found out without any effect: which command, with which words, of which account."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from handlers.buttons import ButtonBook, GiveAnswer, Held, RunLine, SecondAnswer, TurnPage
from handlers.command import Command, Risk
from handlers.desks import OPTION, Desks
from handlers.expecting import Expectation
from handlers.parse import MOST_CHARACTERS
from handlers.registry import Registry
from handlers.request import ChatKind, Request, RequestKind
from handlers.text import clean, echo, stored

MASKED = "******"
_CODE = re.compile(r"[0-9]{3} ?[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request taken apart. `word` is the command as typed, cleaned; empty when nothing named one.

    `rest` are the words after it, `form` the named values instead of words, `held` what a pressed button stands for,
    `answer` the text that was typed for it, `waiting` the expectation that the text meets, `account` as it was named.
    """

    word: str
    command: Command | None
    rest: str = ""
    form: Mapping[str, str] | None = None
    held: Held | None = None
    account: str = ""
    answer: str = field(default="", repr=False)
    waiting: Expectation | None = None

    @property
    def named(self) -> bool:
        """True when a command was named, known or not: such requests are audited."""
        return bool(self.word)

    @property
    def arguments(self) -> str:
        """The arguments as the audit keeps them; what is nobody's business is masked."""
        return stored(self._with_account(self._masked(" ".join(self._words))))

    @property
    def line(self) -> str:
        """The request as a line that can be run again."""
        words = self._masked(" ".join(self._words))
        return clean(f"/{self.word} {self._with_account(words)[: MOST_CHARACTERS + 1]}")

    @property
    def _words(self) -> list[str]:
        if self.form is None:
            return [self.rest]
        return [
            f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in self.form.items()
        ]

    def _with_account(self, words: str) -> str:
        return f"{OPTION}={self.account} {words}".strip() if self.account else words

    def _masked(self, words: str) -> str:
        """Of a command with a masked parameter only its known words are shown."""
        hidden = [p for p in self.command.parameters if p.masked] if self.command else []
        if not hidden:
            return words
        known = {word for p in hidden for word in p.offered}
        return " ".join(word if word.casefold() in known else MASKED for word in words.split())


def is_for_us(request: Request, expected: bool = False) -> bool:
    """False for the talk of a group, which is nobody's business here unless this person's text is expected."""
    talk = request.kind is RequestKind.TEXT and not request.text.lstrip().startswith("/")
    return expected or not (talk and request.chat_kind in (ChatKind.GROUP, ChatKind.CHANNEL))


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to take requests apart."""

    registry: Registry
    book: ButtonBook
    desks: Desks

    def take_apart(self, request: Request, waiting: Expectation | None = None) -> Asked:
        """Find out what is asked for; `waiting` is what this person's next text is expected to answer."""
        match request.kind:
            case RequestKind.TEXT:
                return self._from_text(request, waiting)
            case RequestKind.BUTTON:
                return self._from_held(self.book.find(request.button, request.chat_id), "")
            case RequestKind.MODAL:
                return self._from_held(self._prompted(request), request.text)
            case RequestKind.SLASH | RequestKind.FORM:
                return self._from_form(request)

    def _prompted(self, request: Request) -> Held | None:
        """The button that opened a dialog box; other buttons take no text."""
        held = self.book.find(request.button, request.chat_id)
        match held:
            case RunLine(prompt=prompt) if prompt:
                return held
            case GiveAnswer(question=question, yes=True) if question.needs_code:
                return held
            case _:
                return None

    def _from_form(self, request: Request) -> Asked:
        word = _shown(request.command.lstrip("/")).casefold()
        given = dict(request.arguments)
        account = given.pop(OPTION, "") if self.desks.several else ""
        return Asked(word, self.registry.find(word), form=given, account=clean(account))

    def _from_text(self, request: Request, waiting: Expectation | None) -> Asked:
        """A console needs no slash before a command's name; anywhere else talk is not a command."""
        head, _, rest = request.text.strip().replace("\n", " ").replace("\t", " ").partition(" ")
        if head.startswith("/"):
            return self._from_words(head.removeprefix("/"), rest)
        at_desk = request.chat_kind in (ChatKind.CONSOLE, ChatKind.WEB)
        bare = self.registry.find(head.casefold()) if at_desk else None
        if waiting is not None and not (bare and bare.risk is Risk.LOWERS):
            return self._from_held(waiting.held, request.text, waiting)
        return self._from_words(head, rest) if bare else Asked("", None, request.text)

    def _from_words(self, head: str, rest: str) -> Asked:
        name = head.partition("@")[0].casefold()
        rest, account = self.desks.split(rest.strip())
        return Asked(_shown(name) or "/", self.registry.find(name), rest, account=clean(account))

    def _from_held(self, held: Held | None, answer: str, waiting: Expectation | None = None) -> Asked:
        match held:
            case RunLine(line=line):
                return self._from_line(f"{line} {clean(answer)}".rstrip(), held, answer, waiting)
            case TurnPage(reply=reply, account=account):
                return Asked(reply.name, self.registry.find(reply.name), held=held, account=account)
            case GiveAnswer(question=question):
                return self._from_line(question.line, held, answer, waiting)
            case SecondAnswer(pending=pending):
                return self._from_line(pending.question.line, held)
            case None:
                return Asked("", None)

    def _from_line(
        self, line: str, held: Held, answer: str = "", waiting: Expectation | None = None
    ) -> Asked:
        head, _, rest = line.removeprefix("/").partition(" ")
        rest, account = self.desks.split(rest.strip())
        command = self.registry.find(head)
        return Asked(head, command, rest, held=held, account=account, answer=answer, waiting=waiting)


def _shown(name: str) -> str:
    """A command's name as it may be repeated; a code typed as one is not."""
    return MASKED if _CODE.fullmatch(name) else echo(name)
