"""The last touch on a reply: button ids, pages of long tables, the command's name, the account's."""

import logging
from dataclasses import dataclass, replace

from handlers.asked import Asked
from handlers.buttons import ButtonBook, GiveAnswer, Held, RunLine, SecondAnswer, TurnPage
from handlers.command import Role
from handlers.confirm import Pending, Question
from handlers.desks import Desks
from handlers.registry import Registry
from handlers.reply import Button, ButtonStyle, Reply, Table
from handlers.request import Request

log = logging.getLogger(__name__)
CODE = "Code"
"""What a person is asked for to prove that it is them."""


@dataclass(frozen=True, slots=True)
class Dresser:
    """Gives replies what a platform needs to show them."""

    registry: Registry
    book: ButtonBook
    desks: Desks

    def dress(
        self, reply: Reply, request: Request, asked: Asked, role: Role | None, account: str | None
    ) -> Reply:
        """Name, account, buttons with ids that the role reaches, the first page of a long table."""
        named = replace(reply, name=asked.command.name if asked.command else asked.word)
        if role is not None:
            titled = self._titled(named, account)
            named = replace(titled, buttons=self._buttons(titled, request.chat_id, role, account))
        named = replace(named, in_place=self._in_place(named, asked))
        return self.page(named, request, 0, account)

    def dress_for(self, chat_id: str, role: Role, reply: Reply, account: str, named: bool) -> Reply:
        """Buttons with ids for a chat and a role, for what is said unasked; `named`: the title says the account."""
        titled = self._titled(reply, account) if named else reply
        return replace(titled, buttons=self._buttons(reply, chat_id, role, account))

    def card(self, preview: Reply, question: Question, seconds: int) -> Reply:
        """A preview with Confirm and Cancel, its question's only answers; buttons of its own ask something else."""
        confirm = self._answer("Confirm", GiveAnswer(question.errand.chat_id, question, True), question.line)
        cancel = self._answer("Cancel", GiveAnswer(question.errand.chat_id, question, False))
        proof = " with your code" if question.needs_code else ""
        text = f"{preview.text}\nConfirm{proof} within {seconds} s.".strip()
        prompt = CODE if question.needs_code else ""
        return replace(
            preview, text=text, buttons=(replace(confirm, prompt=prompt), cancel, *preview.buttons)
        )

    def second_card(self, preview: Reply, pending: Pending, chat_id: str, text: str) -> Reply:
        """What another person is asked to confirm, in one of the chats where it is asked."""
        errand = pending.errand
        confirm = self._answer("Confirm", SecondAnswer(chat_id, pending, True), errand.arguments.line)
        refuse = self._answer("Refuse", SecondAnswer(chat_id, pending, False))
        card = replace(
            preview,
            title=f"Second confirmation: {preview.title}",
            fields=(
                ("Command", errand.arguments.line),
                ("Asked by", errand.actor.name or errand.actor.id),
                *preview.fields,
            ),
            text=f"{preview.text}\n{text}".strip(),
            buttons=(confirm, refuse),
            name=errand.command.name,
        )
        return self._titled(card, errand.account)

    def page(self, reply: Reply, request: Request, first: int, account: str | None) -> Reply:
        """The rows from `first` on that fit a message, and buttons to the pages around; nothing is dropped."""
        rows, size = reply.table.rows if reply.table else (), request.page_rows
        if reply.table is None or not size or len(rows) <= size:
            return reply
        last = min(first + size, len(rows))
        shown = Table(reply.table.columns, rows[first:last])
        text = f"{reply.text}\nRows {first + 1} to {last} of {len(rows)}.".strip()
        turns = self._turns(reply, request, first, account or "")
        return replace(reply, table=shown, text=text, buttons=turns + reply.buttons)

    def _turns(self, reply: Reply, request: Request, first: int, account: str) -> tuple[Button, ...]:
        size, total = request.page_rows, len(reply.table.rows) if reply.table else 0
        starts = [start for start in (first - size, first + size) if 0 <= start < total]
        return tuple(
            Button(
                f"{start + 1} to {min(start + size, total)}",
                "",
                id=self.book.issue(TurnPage(request.chat_id, reply, start, account)),
            )
            for start in starts
        )

    def _answer(self, label: str, held: GiveAnswer | SecondAnswer, line: str = "") -> Button:
        style = ButtonStyle.DANGER if held.yes else ButtonStyle.SECONDARY
        return Button(label, line, style, self.book.issue(held))

    def _titled(self, reply: Reply, account: str | None) -> Reply:
        """With several accounts every title says which one is meant."""
        ending = f" · {account}"
        if not self.desks.several or account is None or reply.title.endswith(ending):
            return reply
        return replace(reply, title=reply.title + ending)

    def _buttons(self, reply: Reply, chat_id: str, role: Role, account: str | None) -> tuple[Button, ...]:
        """Ids for the buttons that the role reaches; a button without a command is a fault of ours."""
        buttons: list[Button] = []
        for button in reply.buttons:
            command = self.registry.find(button.command_line.removeprefix("/").partition(" ")[0])
            if button.id:
                buttons.append(button)
            elif command is None:
                log.error("a button of /%s runs no command: %r", reply.name, button.command_line)
            elif command.role <= role:
                line = (
                    button.command_line if account is None else self.desks.named(button.command_line, account)
                )
                held = RunLine(chat_id, line, command.name == reply.name, button.prompt)
                buttons.append(replace(button, command_line=line, id=self.book.issue(held)))
        return tuple(buttons)

    def _in_place(self, reply: Reply, asked: Asked) -> bool:
        """A pressed button's card becomes the reply when it was answered, refreshed or turned."""
        held: Held | None = asked.held
        match held:
            case RunLine(refreshes=True, line=line):
                itself = self.registry.find(line.removeprefix("/").partition(" ")[0]) is asked.command
                return itself and reply.ok and not reply.expects and asked.waiting is None
            case RunLine():
                return False
            case TurnPage():
                return True
            case GiveAnswer() | SecondAnswer():
                return reply.in_place and asked.waiting is None
            case None:
                return False
