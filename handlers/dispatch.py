"""One way in for text, buttons, slash options and web forms: gates, parse, confirm, run, audit.

    reply = await dispatcher.handle(request)

Every request that names a command leaves one line in the audit, refused or run. A handler that breaks changes nothing
else: the asker gets a fault number, the log the rest.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from inspect import signature
from typing import get_type_hints

from bot.runtime.chat_ports import Arrivals
from bot.runtime.desk import Desk
from bot.runtime.ports import Audit, AuditDraft, Inbox
from handlers import outcome
from handlers.access import Access
from handlers.asked import Asked, is_for_us, take_apart
from handlers.buttons import ButtonBook, GiveAnswer, SecondAnswer, TurnPage
from handlers.codes import Codes
from handlers.command import Actor, Command, Confirm, Injected, Role
from handlers.completion import Suggestion, complete, complete_value
from handlers.confirm import Question, Questions, still_true
from handlers.desks import Desks, no_position
from handlers.dress import Dresser
from handlers.gates import Gates
from handlers.limits import ChatLimits
from handlers.outcome import Ending, Outcome
from handlers.parameter import Parameter
from handlers.parse import Arguments, Bad, Missing, bind_form, bind_line
from handlers.persons import Persons
from handlers.registry import Registry
from handlers.reply import Button, Reply, refusal
from handlers.request import Request
from handlers.second import TwoPerson
from handlers.speaker import Speaker
from handlers.text import stored
from handlers.values import offered_values

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Dispatcher:
    """Takes requests of every platform to the commands.

    `wall_clock` is milliseconds UTC; `salt` makes button ids unguessable (see ButtonBook); `journal_position` is
    written into the audit; `context` holds further objects that handlers may ask for by type. `desks` are several
    accounts in place of `desk`. `speakers` are the platforms' mouths by name, filled as platforms start. `redact` takes
    secrets out of whatever is said.
    """

    desk: Desk
    registry: Registry
    access: Access
    audit: Audit
    inbox: Inbox
    wall_clock: Callable[[], int]
    limits: ChatLimits = field(default_factory=ChatLimits)
    salt: bytes = b""
    journal_position: Callable[[], int] = no_position
    context: tuple[Injected, ...] = ()
    arrivals: Arrivals | None = None
    desks: Desks | None = None
    persons: Persons = field(default_factory=Persons)
    two_person: TwoPerson = field(default_factory=TwoPerson)
    codes: Codes | None = None
    require_code: bool = False
    speakers: dict[str, Speaker] = field(default_factory=dict)
    redact: Callable[[str], str] = str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _book: ButtonBook = field(init=False)
    _gates: Gates = field(init=False)
    _questions: Questions = field(init=False)
    _dresser: Dresser = field(init=False)
    _faults: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Join the parts."""
        self._book = ButtonBook(self.salt, self.limits.buttons_kept)
        self._gates = Gates(self.registry, self.access, self.inbox, self.wall_clock, self.limits)
        self._questions = Questions(self.limits.confirm_ms)
        self._dresser = Dresser(self.registry, self._book)

    async def handle(self, request: Request) -> Reply | None:
        """Answer one request; None means that nothing at all is answered."""
        if not is_for_us(request):
            return None
        asked = take_apart(request, self.registry, self._book)
        entered = await self._gates.enter(request, asked)
        actor = entered if isinstance(entered, Actor) else self._known(request)
        ending = await self._act(request, asked, entered) if isinstance(entered, Actor) else entered
        await self._record(request, asked, ending)
        if ending.reply is None:
            return None
        return self._dresser.dress(ending.reply, request, asked, actor)

    def placed(self, reply: Reply, message_id: str) -> None:
        """A platform has sent or edited a reply: answers to its questions count only from that very message."""

    def dress_for(self, platform: str, chat_id: str, role: Role, reply: Reply) -> Reply:
        """A reply that nobody asked for, with ids for the buttons that a role may press in a chat, and redacted."""
        return self._dresser.dress_for(chat_id, role, reply)

    async def push(self, platform: str, chat_id: str, role: Role, reply: Reply, silent: bool = False) -> str:
        """Say something unasked; returns the message's id, "" when the platform has no speaker. Raises PlatformDown."""
        speaker = self.speakers.get(platform)
        if speaker is None:
            return ""
        return await speaker.say(chat_id, self.dress_for(platform, chat_id, role, reply), silent)

    def suggest(self, user: str, parameter: Parameter, typed: str, most: int = 25) -> tuple[str, ...]:
        """Values for a platform's autocompletion; strangers ("platform:user_id" unknown) get none."""
        known = self.access.role(user, self.wall_clock()) is not None
        return complete_value(parameter, typed, self.desk, most) if known else ()

    def complete(self, user: str, line: str) -> tuple[Suggestion, ...]:
        """What may come next in a half-typed line of a user; strangers get nothing."""
        role = self.access.role(user, self.wall_clock())
        return complete(line, self.registry, role, self.desk) if role is not None else ()

    def _known(self, request: Request) -> Actor | None:
        """The crew member whose request was refused, so that the refusal's buttons work."""
        role = self.access.role(f"{request.platform}:{request.user_id}", self.wall_clock())
        return None if role is None else Actor(request.platform, request.user_id, request.user_name, role)

    async def _act(self, request: Request, asked: Asked, actor: Actor) -> Ending:
        """What a request that passed the gates does."""
        match asked.held:
            case TurnPage(reply=reply, first=first):
                bare = replace(reply, plot=None, file=None)
                return Ending(Outcome.OK, self._dresser.page(bare, request, first))
            case GiveAnswer(question=question, yes=yes):
                return await self._answered(actor, question, yes)
            case SecondAnswer():
                raise AssertionError("nobody issues these yet")
            case _:
                return await self._commanded(request, asked, actor)

    async def _commanded(self, request: Request, asked: Asked, actor: Actor) -> Ending:
        command = asked.command
        if command is None:
            raise AssertionError("the gates let nothing unknown in")
        form = asked.form
        bound = (
            bind_line(command, asked.rest, self.desk) if form is None else bind_form(command, form, self.desk)
        )
        match bound:
            case Missing(parameter, line):
                return self._choices(command, parameter, line)
            case Bad(text, offers):
                buttons = tuple(Button(line.rpartition(" ")[2], line) for line in offers)
                return Ending(Outcome.BAD_ARGUMENTS, refusal(f"/{command.name}", text, buttons))
            case Arguments():
                if self._must_confirm(command, bound, request):
                    return await self._ask(command, bound, actor, request.chat_id)
                return await self._run(command, bound, actor)

    def _must_confirm(self, command: Command, arguments: Arguments, request: Request) -> bool:
        """The flag that skips the question counts only while the message is fresh."""
        fresh = self.wall_clock() - request.sent_at_ms <= self.limits.raises_ms
        return command.confirm is not Confirm.NONE and not (arguments.at_once and fresh)

    def _choices(self, command: Command, parameter: Parameter, line: str) -> Ending:
        """Buttons for a missing value, likely ones first."""
        values = offered_values(parameter, self.desk)
        most = self.limits.buttons_offered
        buttons = tuple(Button(value, line + value) for value in values[:most])
        more = f" {len(values) - most} more can be typed." if len(values) > most else ""
        text = f"{parameter.help or parameter.name}: {parameter.allowed}.{more}\nUsage: {command.usage}"
        return Ending(
            Outcome.BAD_ARGUMENTS, refusal(f"/{command.name}: which {parameter.name}?", text, buttons)
        )

    async def _ask(self, command: Command, arguments: Arguments, actor: Actor, chat_id: str) -> Ending:
        """Show what the command would do and ask; a preview may find that there is nothing to ask."""
        card = await self._preview(command, arguments, actor)
        if isinstance(card, Ending):
            return card
        if card is None:
            return await self._run(command, arguments, actor)
        return self._put(command, arguments, actor, chat_id, card)

    def _put(self, command: Command, arguments: Arguments, actor: Actor, chat_id: str, card: Reply) -> Ending:
        who = (actor.id, actor.name)
        question = self._questions.put(who, chat_id, command, arguments, card, self.wall_clock())
        return Ending(Outcome.ASKED, self._dresser.card(card, question, self.limits.confirm_ms // 1000))

    async def _preview(self, command: Command, arguments: Arguments, actor: Actor) -> Reply | Ending | None:
        """The card, None when nothing has to be confirmed, or how it ended."""
        if command.preview is None:
            raise AssertionError("the registry refuses such commands")
        try:
            card = await self._call(command.preview, arguments, actor)
        except Exception as error:  # noqa: BLE001 (whatever broke is logged, and told without its text)
            return self._fault(command, error)
        return card if card is None or card.ok else Ending(Outcome.REFUSED, card)

    async def _answered(self, actor: Actor, question: Question, yes: bool) -> Ending:
        """A pressed Confirm or Cancel. From the check to closing the question nothing is awaited."""
        if question.actor_id != actor.id:
            text = f"Only {question.actor_name}, who asked, can answer this."
            return Ending(Outcome.DENIED, refusal("Not your question", text))
        if not self._questions.close(question):
            return Ending(Outcome.REFUSED, outcome.ANSWERED)
        if not yes:
            return Ending(Outcome.CANCELLED, self._cancelled(question))
        if self.wall_clock() > question.expires_at_ms:
            return Ending(Outcome.EXPIRED, self._expired(question))
        return in_place(await self._confirmed(actor, question))

    async def _confirmed(self, actor: Actor, question: Question) -> Ending:
        """Run what was confirmed if it still is what was shown."""
        command, arguments = question.command, question.arguments
        card = await self._preview(command, arguments, actor)
        if isinstance(card, Ending):
            return card
        if card is not None and not still_true(question, card, self.limits.requote_percent):
            asked = self._put(command, arguments, actor, question.chat_id, card)
            return with_text(asked, "The figures changed and nothing was done. Look again.")
        return await self._run(command, arguments, actor)

    async def _run(self, command: Command, arguments: Arguments, actor: Actor) -> Ending:
        try:
            reply = await self._call(command.handler, arguments, actor)
        except Exception as error:  # noqa: BLE001 (whatever broke is logged, and told without its text)
            return self._fault(command, error)
        return Ending(Outcome.OK if reply.ok else Outcome.REFUSED, reply)

    async def _call[R](self, function: Callable[..., Awaitable[R]], arguments: Arguments, actor: Actor) -> R:
        """Call with the arguments and injected objects that the function names."""
        wanted = list(signature(function).parameters)[1:]
        given = {**arguments.values, **self._injected(function, actor)}
        return await function(self.desk, **{name: given[name] for name in wanted if name in given})

    def _injected(self, function: Callable[..., object], actor: Actor) -> dict[str, Injected]:
        offered = (actor, self.registry, *self.context)
        hints = get_type_hints(function)
        return {name: one for name, hint in hints.items() for one in offered if type(one) is hint}

    def _cancelled(self, question: Question) -> Reply:
        return Reply(f"Cancelled: {question.arguments.line}", text="Nothing was done.", in_place=True)

    def _expired(self, question: Question) -> Reply:
        seconds = self.limits.confirm_ms // 1000
        line = question.arguments.line
        said = refusal("Expired", f"{line} was not confirmed within {seconds} s; nothing was done.")
        return replace(said, buttons=(Button("Ask again", line),), in_place=True)

    def _fault(self, command: Command, error: Exception) -> Ending:
        """Log what broke under a trace id; the asker gets the id and nothing of the exception."""
        self._faults += 1
        seed = self.salt + f"{self._faults} {self.wall_clock()}".encode()
        trace = sha256(seed).hexdigest()[:8]
        log.error("internal fault %s in /%s", trace, command.name, exc_info=error)
        return Ending(Outcome.FAILED, outcome.fault(command, trace))

    async def _record(self, request: Request, asked: Asked, ending: Ending) -> None:
        """One line in the audit. When it cannot be written the log keeps it: the answer must not be lost too."""
        if not asked.named:
            return
        draft = self._draft(request, asked, ending)
        try:
            await self.audit.append(draft)
        except Exception:
            log.exception("the audit could not take %s", draft)

    def _draft(self, request: Request, asked: Asked, ending: Ending) -> AuditDraft:
        changes = ending.reply.changes if ending.reply else ()
        return AuditDraft(
            at_ms=self.wall_clock(),
            platform=request.platform,
            user_id=stored(request.user_id),
            chat_id=stored(request.chat_id),
            command=asked.command.name if asked.command else asked.word,
            arguments=asked.arguments,
            outcome=ending.outcome.value,
            changes=stored("; ".join(f"{c.name}: {c.before} -> {c.after}" for c in changes)),
            journal_number=self.journal_position(),
        )


def with_text(ending: Ending, text: str) -> Ending:
    """The ending with a sentence put before its reply's text."""
    if ending.reply is None:
        return ending
    return replace(ending, reply=replace(ending.reply, text=f"{text}\n{ending.reply.text}".strip()))


def in_place(ending: Ending) -> Ending:
    """The ending with its reply shown in place of the card that was answered."""
    return ending if ending.reply is None else replace(ending, reply=replace(ending.reply, in_place=True))
