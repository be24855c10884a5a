"""Asking before acting: a card, the person's answer, their code, and where the rule says so another person."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.domain.errors import StorageError
from handlers import outcome
from handlers.buttons import ButtonBook, GiveAnswer, SecondAnswer
from handlers.codes import Codes
from handlers.command import Command, Confirm, Risk
from handlers.confirm import Errand, Question, Questions, still_true
from handlers.dress import CODE, Dresser
from handlers.expecting import VALID_MS, Expectations
from handlers.hearing import Hearing, send_now
from handlers.limits import ChatLimits
from handlers.outcome import Ending, Outcome
from handlers.reply import Button, Reply, refusal
from handlers.runner import Runner
from handlers.second import Second

NO_CODES = refusal("Codes cannot be checked now", "The database does not answer. Nothing was done.")
CHANGED = "The figures changed and nothing was done. Look again."


@dataclass(slots=True)
class Asking:
    """Questions and their answers."""

    runner: Runner
    dresser: Dresser
    book: ButtonBook
    codes: Codes
    second: Second
    expectations: Expectations
    wall_clock: Callable[[], int]
    limits: ChatLimits
    require_code: bool = False
    _questions: Questions = field(init=False)

    def __post_init__(self) -> None:
        """No questions yet."""
        self._questions = Questions(self.limits.confirm_ms)

    def must(self, errand: Errand, fresh: bool) -> bool:
        """True when the command asks first; the flag that skips the question counts only while the message is fresh."""
        command = errand.command
        if self.second.rules(command) or _asks_code(command):
            return True
        return command.confirm is not Confirm.NONE and not (errand.arguments.at_once and fresh)

    async def ask(self, errand: Errand) -> Ending:
        """Show what the command would do and ask; a preview may find that there is nothing to ask."""
        card = await self.runner.preview(errand)
        if isinstance(card, Ending):
            return card
        if card is None:
            return await self.runner.run(errand)
        needs = await self._needs_code(errand)
        return needs if isinstance(needs, Ending) else self._put(errand, card, needs)

    async def answered(self, hearing: Hearing, held: GiveAnswer) -> Ending:
        """A pressed Confirm or Cancel, or the code for one."""
        question = held.question
        refused = self._unanswerable(hearing, question)
        if refused is not None:
            return refused
        if not held.yes:
            return Ending(Outcome.CANCELLED, self._cancelled(question)) if self._close(question) else ANSWERED
        grace_ms = VALID_MS if question.needs_code and hearing.asked.answer else 0
        if self.wall_clock() > question.expires_at_ms + grace_ms:
            return Ending(Outcome.EXPIRED, self._expired(question)) if self._close(question) else ANSWERED
        unproven = await self._unproven(hearing, held) if question.needs_code else None
        if unproven is not None:
            return unproven
        # from here to the first step of the errand nothing is awaited
        if not self._close(question):
            return ANSWERED
        errand = replace(question.errand, actor=hearing.actor)
        return in_place(await self._confirmed(errand, question))

    async def seconded(self, hearing: Hearing, held: SecondAnswer) -> Ending:
        """Another person's answer."""
        if hearing.on_card and self.book.misplaced(hearing.request.button, hearing.request.message_id):
            return Ending(Outcome.REFUSED, outcome.OTHER_CARD)
        return in_place(await self.second.answered(hearing, held))

    def _close(self, question: Question) -> bool:
        return self._questions.close(question)

    def _unanswerable(self, hearing: Hearing, question: Question) -> Ending | None:
        """Somebody else's, on another message, or answered already."""
        asker = question.errand.actor
        if asker.id != hearing.actor.id:
            text = f"Only {asker.name}, who asked, can answer this."
            return Ending(Outcome.DENIED, refusal("Not your question", text))
        if hearing.on_card and self.book.misplaced(hearing.request.button, hearing.request.message_id):
            return Ending(Outcome.REFUSED, outcome.OTHER_CARD)
        return None if self._questions.is_open(question) else ANSWERED

    async def _needs_code(self, errand: Errand) -> bool | Ending:
        """Whether the answer must come with a code."""
        if not _asks_code(errand.command):
            return False
        try:
            enrolled = await self.codes.enrolled(errand.actor.id)
        except StorageError:
            return Ending(Outcome.REFUSED, NO_CODES)
        if enrolled or not self.require_code:
            return enrolled
        text = (
            f"/{errand.command.name} asks for a one-time code. Set yours up with /totp on, in a private chat."
        )
        return Ending(Outcome.REFUSED, refusal("A code is needed", text))

    async def _unproven(self, hearing: Hearing, held: GiveAnswer) -> Ending | None:
        """How it ends without a right code; None when the code is right."""
        if not hearing.asked.answer.strip():
            until_ms = self.wall_clock() + VALID_MS
            self.expectations.expect(hearing.request, held, CODE, until_ms)
            return Ending(Outcome.ASKED, send_now("code", "Send your code now", VALID_MS // 1000))
        try:
            wrong = await self.codes.check(hearing.actor.id, hearing.asked.answer)
        except StorageError:
            return Ending(Outcome.REFUSED, NO_CODES)
        if not wrong:
            return None
        waiting = hearing.asked.waiting
        if waiting is None or not self._questions.is_open(held.question):
            return Ending(
                Outcome.REFUSED, refusal("Not confirmed", f"{wrong} Nothing was done."), "wrong code"
            )
        self.expectations.expect(hearing.request, held, CODE, waiting.until_ms)
        reply = replace(refusal("Not confirmed", f"{wrong} Nothing was done; send it again."), expects=CODE)
        return Ending(Outcome.REFUSED, reply, "wrong code")

    async def _confirmed(self, errand: Errand, question: Question) -> Ending:
        """Go on with what was confirmed if it still is what was shown."""
        card = await self.runner.preview(errand)
        if isinstance(card, Ending):
            return card
        if card is not None and not still_true(question, card, self.limits.requote_percent):
            return with_text(self._put(errand, card, needs_code=False), CHANGED)  # a code is asked for once
        if card is not None and self.second.rules(errand.command):
            return await self.second.ask(errand, question, card)
        return await self.runner.run(errand)

    def _put(self, errand: Errand, card: Reply, needs_code: bool) -> Ending:
        question = self._questions.put(errand, card, self.wall_clock(), needs_code)
        return Ending(Outcome.ASKED, self.dresser.card(card, question, self.limits.confirm_ms // 1000))

    def _cancelled(self, question: Question) -> Reply:
        return Reply(f"Cancelled: {question.line}", text="Nothing was done.", in_place=True)

    def _expired(self, question: Question) -> Reply:
        seconds = self.limits.confirm_ms // 1000
        said = refusal("Expired", f"{question.line} was not confirmed within {seconds} s; nothing was done.")
        return replace(said, buttons=(Button("Ask again", question.line),), in_place=True)


ANSWERED = Ending(Outcome.REFUSED, outcome.ANSWERED)


def _asks_code(command: Command) -> bool:
    """Lowering the risk never waits for a second factor."""
    return command.confirm is Confirm.CODE and command.risk is not Risk.LOWERS


def with_text(ending: Ending, text: str) -> Ending:
    """The ending with a sentence put before its reply's text."""
    if ending.reply is None:
        return ending
    return replace(ending, reply=replace(ending.reply, text=f"{text}\n{ending.reply.text}".strip()))


def in_place(ending: Ending) -> Ending:
    """The ending with its reply shown in place of the card that was answered."""
    return ending if ending.reply is None else replace(ending, reply=replace(ending.reply, in_place=True))
