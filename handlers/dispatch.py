"""One way in for text, buttons, slash options, dialog boxes and web forms: gates, parse, confirm, run, audit.

    reply = await dispatcher.handle(request)

Every request that names a command leaves one line in the audit, refused or run. A handler that breaks changes nothing
else: the asker gets a fault number, the log the rest. Whatever is answered goes through the redactor last.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from bot.domain.errors import StorageError
from bot.runtime.chat_ports import Arrivals, ArrivalState
from bot.runtime.desk import Desk
from bot.runtime.ports import Audit, AuditDraft
from handlers import outcome
from handlers.access import Access
from handlers.asked import Asked, Reading, is_for_us
from handlers.asking import Asking
from handlers.away import Away
from handlers.buttons import ButtonBook, GiveAnswer, RunLine, SecondAnswer, TurnPage
from handlers.codes import Codes, NoKeys
from handlers.command import Actor, Command, Injected, Risk, Role
from handlers.completion import Suggestion, complete, complete_value
from handlers.confirm import Errand
from handlers.desks import OPTION, Desks, Seat, no_position
from handlers.doorstep import Doorstep
from handlers.dress import Dresser
from handlers.expecting import VALID_MS, Expectations
from handlers.gates import Gates
from handlers.hearing import Hearing, send_now
from handlers.limits import ChatLimits
from handlers.outcome import Ending, Outcome
from handlers.outgoing import Redact, holds_secret, redacted
from handlers.parameter import Kind, Parameter
from handlers.parse import Arguments, Bad, Missing, bind_form, bind_line
from handlers.persons import Persons
from handlers.recorder import Recorder
from handlers.registry import Registry
from handlers.reply import Button, Reply, refusal
from handlers.request import ChatKind, Request, RequestKind
from handlers.runner import Runner
from handlers.second import Second, TwoPerson
from handlers.speaker import Speaker
from handlers.text import stored
from handlers.values import offered_values
from handlers.voice import Voice

log = logging.getLogger(__name__)
UNSAID = "[secret]"
_ALONE = frozenset({ChatKind.PRIVATE, ChatKind.CONSOLE, ChatKind.WEB})
_ENDED = frozenset({Outcome.LIMITED, Outcome.UNKNOWN_COMMAND, Outcome.DENIED, Outcome.EXPIRED})


@dataclass(slots=True)
class Dispatcher:
    """Takes requests of every platform to the commands.

    `wall_clock` is milliseconds UTC; `salt` is the house's secret that signs button ids (see ButtonBook);
    `journal_position` is written into the audit; `context` holds further objects that handlers may ask for by type.
    `desks` are several accounts in place of `desk`. `speakers` are the platforms' mouths by name, filled as platforms
    start. `redact` takes secrets out of whatever is said. `away` parks what came too late;
    `doorstep` answers strangers.
    """

    desk: Desk
    registry: Registry
    access: Access
    audit: Audit
    arrivals: Arrivals
    wall_clock: Callable[[], int]
    limits: ChatLimits = field(default_factory=ChatLimits)
    salt: bytes = field(default=b"", repr=False)
    journal_position: Callable[[], int] = no_position
    context: tuple[Injected, ...] = ()
    desks: Desks | None = None
    persons: Persons = field(default_factory=Persons)
    two_person: TwoPerson = field(default_factory=TwoPerson)
    codes: Codes | None = None
    require_code: bool = False
    speakers: dict[str, Speaker] = field(default_factory=dict)
    redact: Redact = str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    away: Away | None = None
    doorstep: Doorstep | None = None
    _desks: Desks = field(init=False)
    _book: ButtonBook = field(init=False)
    _gates: Gates = field(init=False)
    _dresser: Dresser = field(init=False)
    _runner: Runner = field(init=False)
    _second: Second = field(init=False)
    _asking: Asking = field(init=False)
    _expectations: Expectations = field(init=False, default_factory=Expectations)
    _recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        """Join the parts; what has to speak by itself speaks through `push`."""
        self._recorder = Recorder(lambda: self.audit)
        self._desks = self.desks or Desks.alone(Seat(self.desk, self.context, self.journal_position))
        if self._desks.several:
            self.registry = self.registry.for_accounts(self._desks.names)
        self._book = ButtonBook(self.salt, self.limits.buttons_kept)
        self._gates = Gates(
            self.registry,
            self.access,
            self.arrivals,
            self.wall_clock,
            self.limits,
            self.away,
            self.doorstep,
        )
        self._give_voice()
        self._dresser = Dresser(self.registry, self._book, self._desks)
        self._runner = self._build_runner()
        self._second = Second(
            self.two_person,
            self.access,
            self.persons,
            self._runner,
            self._dresser,
            self.wall_clock,
            self.limits,
            self.sleep,
        )
        self._asking = Asking(
            self._runner,
            self._dresser,
            self._book,
            self._runner.codes,
            self._second,
            self._expectations,
            self.wall_clock,
            self.limits,
            self.require_code,
        )

    def _give_voice(self) -> None:
        """What speaks by itself does it through here."""
        if self.away is not None:
            self.away.push, self.away.split = self.push, self._desks.split
            self.away.several = lambda: self._desks.several
        if self.doorstep is not None:
            self.doorstep.push = self.push

    def _build_runner(self) -> Runner:
        codes = self.codes or Codes(NoKeys(), self.wall_clock)
        voice = Voice(self.speakers, self.redact)
        around = (self.registry, codes, self.access, self.away)
        shared = tuple(one for one in around if isinstance(one, Injected))
        return Runner(
            self._desks, shared, codes, voice, self.wall_clock, self.salt, self.sleep, self._dresser
        )

    async def handle(self, request: Request) -> Reply | None:
        """Answer one request; None means that nothing at all is answered. A name may hold a secret like any text."""
        reply = await self._handle(replace(request, user_name=self.redact(request.user_name)))
        return None if reply is None else redacted(reply, self.redact)

    async def _handle(self, request: Request) -> Reply | None:
        secret = holds_secret(request, self.redact)
        waiting = self._expectations.waiting(request, self.wall_clock())
        if not is_for_us(request, waiting is not None or (secret and self._known(request) is not None)):
            return None
        asked = Asked(UNSAID, None) if secret else self._reading.take_apart(request, waiting)
        asked = self._gates.resolve(request, asked)
        entered = await self._gates.enter(request, asked)
        actor = self._known(request)
        if isinstance(entered, Actor):
            actor = self._placed_actor(entered, request)
            ending = await self._act(request, asked, actor) if not secret else SECRET_SEEN
        else:
            ending = SECRET_SEEN if secret and actor and self._warns(request, entered) else entered
        await self._record(request, asked, ending)
        over = isinstance(entered, Actor) or (actor is not None and entered.outcome in _ENDED)
        if over and asked.named and not isinstance(entered, Actor):
            self._expectations.drop(request)
        await self._settle(request, over)
        if ending.reply is None:
            return None
        role = actor.role if actor else None
        return self._dresser.dress(ending.reply, request, asked, role, self._account(request, asked))

    def _warns(self, request: Request, entered: Ending) -> bool:
        """A key in a message is worth a warning even when nothing else of it would be answered."""
        heard = not request.never_runs and self.access.allows_chat(request)
        return heard and entered.outcome is not Outcome.DUPLICATE

    @property
    def _reading(self) -> Reading:
        return Reading(self.registry, self._book, self._desks)

    def placed(self, reply: Reply, message_id: str) -> None:
        """A platform has sent or edited a reply: answers to its questions count only from that very message."""
        held = [self._book.place(button.id, message_id) for button in reply.buttons]
        for pending in {
            one.pending.number: one.pending for one in held if isinstance(one, SecondAnswer)
        }.values():
            self._second.placed(pending, message_id)

    def dress_for(self, platform: str, chat_id: str, role: Role, reply: Reply, account: str = "") -> Reply:
        """A reply that nobody asked for, with ids for the buttons that a role may press in a chat, and redacted.

        `account` is whose reply it is; without it that of the chat.
        """
        owner = account or self._desks.at(platform, (chat_id,))
        return redacted(self._dresser.dress_for(chat_id, role, reply, owner, bool(account)), self.redact)

    async def push(self, platform: str, chat_id: str, role: Role, reply: Reply, silent: bool = False) -> str:
        """Say something unasked; returns the message's id, "" when the platform has no speaker. Raises PlatformDown."""
        shown = self.dress_for(platform, chat_id, role, reply)
        return await self._runner.voice.say(platform, chat_id, shown, silent)

    def suggest(
        self, user: str, parameter: Parameter, typed: str, most: int = 25, account: str = ""
    ) -> tuple[str, ...]:
        """Values for a platform's autocompletion; strangers ("platform:user_id" unknown) get none."""
        known = self.access.role(user, self.wall_clock()) is not None
        return complete_value(parameter, typed, self._desk(account), most) if known else ()

    def complete(self, user: str, line: str) -> tuple[Suggestion, ...]:
        """What may come next in a half-typed line of a user; strangers get nothing."""
        role = self.access.role(user, self.wall_clock())
        if role is None:
            return ()
        begun, space, last = line.rpartition(" ")
        bare, account = self._desks.split(begun)
        return complete(f"{bare}{space}{last}", self.registry, role, self._desk(account))

    def _desk(self, account: str) -> Desk:
        """The desk of a named account, the default one when there is no such name."""
        return self._desks.seats[self._desks.find(account) or self._desks.default].desk

    def _account(self, request: Request, asked: Asked) -> str | None:
        """The account that a request means, None when it names an unknown one."""
        if asked.account:
            return self._desks.find(asked.account)
        return self._desks.at(request.platform, (request.chat_id, *request.within))

    def _known(self, request: Request) -> Actor | None:
        """The crew member whose request was refused, so that the refusal's buttons work."""
        role = self.access.role(f"{request.platform}:{request.user_id}", self.wall_clock())
        return None if role is None else Actor(request.platform, request.user_id, request.user_name, role)

    def _placed_actor(self, actor: Actor, request: Request) -> Actor:
        origin = f"{request.platform}:{request.update_id}" if request.update_id else ""
        return replace(actor, origin=origin, alone=request.chat_kind in _ALONE)

    async def _act(self, request: Request, asked: Asked, actor: Actor) -> Ending:
        """What a request that passed the gates does. Whatever else is asked for, an expected text is not any more."""
        if asked.waiting is not None and not self._expectations.take(request, asked.waiting):
            return Ending(Outcome.REFUSED, outcome.ANSWERED)
        self._expectations.drop(request)
        account = self._account(request, asked)
        if account is None:
            return self._which_account(asked)
        if down := self._desks.seats[account].down:
            return Ending(Outcome.REFUSED, refusal(f"Account {account} is down", down))
        hearing = Hearing(request, asked, actor, account)
        match asked.held:
            case TurnPage(reply=reply, first=first):
                bare = replace(reply, plot=None, file=None, image=b"")
                return Ending(Outcome.OK, self._dresser.page(bare, request, first, account))
            case GiveAnswer() as held:
                return await self._asking.answered(hearing, held)
            case SecondAnswer() as held:
                return await self._asking.seconded(hearing, held)
            case RunLine(prompt=prompt) as held if prompt and not asked.answer.strip():
                return self._prompted(hearing, held)
            case _:
                return await self._commanded(hearing)

    def _which_account(self, asked: Asked) -> Ending:
        names = self._desks.names
        lines = (f"/{asked.word} {OPTION}={name} {asked.rest}".rstrip() for name in names)
        buttons = tuple(Button(name, line) for name, line in zip(names, lines, strict=True))
        text = f"{OPTION} must be one of {', '.join(names)}. Nothing was done."
        return Ending(Outcome.BAD_ARGUMENTS, refusal("No such account", text, buttons))

    def _prompted(self, hearing: Hearing, held: RunLine) -> Ending:
        """A press on a face without dialog boxes: the next text ends the line."""
        what = held.prompt.lower()
        self._expectations.expect(hearing.request, held, held.prompt, self.wall_clock() + VALID_MS)
        return Ending(Outcome.ASKED, send_now(what, f"Send the {what} now", VALID_MS // 1000))

    async def _commanded(self, hearing: Hearing) -> Ending:
        command, form = hearing.asked.command, hearing.asked.form
        if command is None:
            raise AssertionError("the gates let nothing unknown in")
        desk = self._desks.seats[hearing.account].desk
        bound = (
            bind_line(command, hearing.asked.rest, desk) if form is None else bind_form(command, form, desk)
        )
        match bound:
            case Missing(parameter, line):
                return self._missing(hearing, command, parameter, line)
            case Bad(text, offers):
                buttons = tuple(Button(line.rpartition(" ")[2], line) for line in offers)
                return Ending(Outcome.BAD_ARGUMENTS, refusal(f"/{command.name}", text, buttons))
            case Arguments():
                return await self._errand(hearing, command, bound)

    async def _errand(self, hearing: Hearing, command: Command, bound: Arguments) -> Ending:
        """Ask, or run at once."""
        arguments = replace(bound, line=self._desks.named(bound.line, hearing.account))
        errand = Errand(command, arguments, hearing.actor, hearing.account, hearing.request.chat_id)
        fresh = self.wall_clock() - hearing.request.sent_at_ms <= self.limits.raises_ms
        if self._asking.must(errand, fresh):
            return await self._asking.ask(errand)
        held = hearing.asked.held
        if isinstance(held, RunLine) and held.old and command.risk is not Risk.READ:
            return Ending(Outcome.STALE, outcome.old_button(hearing.asked.line))
        ending = await self._runner.run(errand)
        self._expect_prompt(hearing, ending.reply)
        return ending

    def _expect_prompt(self, hearing: Hearing, reply: Reply | None) -> None:
        """A reply that expects a text takes it for its first button with a prompt."""
        button = next((one for one in reply.buttons if one.prompt), None) if reply and reply.expects else None
        if button is not None:
            line = self._desks.named(button.command_line, hearing.account)
            held = RunLine(hearing.request.chat_id, line, False, button.prompt)
            self._expectations.expect(hearing.request, held, button.prompt, self.wall_clock() + VALID_MS)

    def _missing(self, hearing: Hearing, command: Command, parameter: Parameter, line: str) -> Ending:
        """Buttons for a missing value, likely ones first; a free text is waited for, or asked in a dialog box."""
        values = offered_values(parameter, self._desks.seats[hearing.account].desk)
        most = self.limits.buttons_offered
        buttons = tuple(Button(value, line + value) for value in values[:most])
        more = f" {len(values) - most} more can be typed." if len(values) > most else ""
        text = f"{parameter.help or parameter.name}: {parameter.allowed}.{more}\nUsage: {command.usage}"
        said = refusal(f"/{command.name}: which {parameter.name}?", text, buttons)
        if values and parameter.kind is not Kind.TEXT:
            return Ending(Outcome.BAD_ARGUMENTS, said)
        return Ending(Outcome.BAD_ARGUMENTS, self._awaited(hearing, command, parameter, (said, line)))

    def _awaited(
        self, hearing: Hearing, command: Command, parameter: Parameter, missing: tuple[Reply, str]
    ) -> Reply:
        """The refusal, with the person's next text taken for the value."""
        (said, line), what = missing, parameter.name.replace("_", " ").capitalize()
        named = self._desks.named(line.rstrip(), hearing.account)
        held = RunLine(hearing.request.chat_id, named, False, what)
        if hearing.request.kind is not RequestKind.FORM:
            self._expectations.expect(hearing.request, held, what, self.wall_clock() + VALID_MS)
        button = Button(f"Type the {what.lower()}", named, prompt=what)
        text = f"{said.text}\nSend it as your next message within {VALID_MS // 1000} s."
        return replace(said, text=text, buttons=(*said.buttons, button), expects=what)

    async def _settle(self, request: Request, over: bool) -> None:
        """Note that an update is over; one whose effect was committed stays noted as that."""
        if not over or not request.update_id:
            return
        try:
            await self.arrivals.settle(request.platform, request.update_id, ArrivalState.ENDED)
        except StorageError:
            log.exception("update %s of %s could not be settled", request.update_id, request.platform)

    async def _record(self, request: Request, asked: Asked, ending: Ending) -> None:
        """One line in the audit."""
        if not ending.recorded or not (asked.named or ending.remark):
            return
        await self._recorder.append(self._draft(request, asked, ending))

    def _draft(self, request: Request, asked: Asked, ending: Ending) -> AuditDraft:
        changes = ending.reply.changes if ending.reply else ()
        words = [f"{c.name}: {c.before} -> {c.after}" for c in changes]
        words += [ending.remark] if ending.remark else []
        account = self._account(request, asked) or self._desks.default
        return AuditDraft(
            at_ms=self.wall_clock(),
            platform=request.platform,
            user_id=stored(request.user_id),
            chat_id=stored(request.chat_id),
            command=asked.command.name if asked.command else asked.word,
            arguments=self.redact(asked.arguments),
            outcome=ending.outcome.value,
            changes=self.redact(stored("; ".join(words))),
            journal_number=self._desks.seats[account].journal_position(),
        )


SECRET_SEEN = Ending(Outcome.REFUSED, outcome.SECRET_SEEN)
