"""The two-person rule: what one person asked and confirmed waits for another one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace

from bot.domain.errors import ConfigError
from handlers import outcome
from handlers.access import Access
from handlers.buttons import SecondAnswer
from handlers.command import Actor, Command, Risk
from handlers.confirm import Errand, Pending, Question, bound_digest, snapshot_of, still_true
from handlers.dress import Dresser
from handlers.hearing import Hearing
from handlers.limits import ChatLimits
from handlers.outcome import Ending, Outcome
from handlers.persons import Persons
from handlers.registry import Registry
from handlers.reply import Reply, refusal
from handlers.runner import Runner
from handlers.speaker import private_chat


@dataclass(frozen=True, slots=True)
class TwoPerson:
    """Commands (by their own names) that a second person has to confirm, and how long that may take."""

    commands: frozenset[str] = frozenset()
    valid_ms: int = 300_000


def two_person(names: Iterable[str], valid_ms: int, registry: Registry) -> TwoPerson:
    """The rule as configured, aliases resolved; raises ConfigError with one line that says what is wrong."""
    found = {name: registry.find(name.removeprefix("/").casefold()) for name in names}
    unknown = [name for name, command in found.items() if command is None]
    if unknown:
        raise ConfigError(f"chat.two_person: no such command: {', '.join(unknown)}")
    lowering = [f"/{command.name}" for command in found.values() if command and command.risk is Risk.LOWERS]
    if lowering:
        raise ConfigError(
            f"chat.two_person: {', '.join(lowering)} lowers the risk, which never waits for a second person"
        )
    return TwoPerson(frozenset(command.name for command in found.values() if command), valid_ms)


@dataclass(frozen=True, slots=True)
class Copy:
    """One message with the card: where it is."""

    platform: str
    chat_id: str
    message_id: str


@dataclass(slots=True)
class Waiting:
    """A pending errand and the messages that show its card."""

    pending: Pending
    copies: list[Copy] = field(default_factory=list)


@dataclass(slots=True)
class Second:
    """Errands that wait for another person: in memory, a restart forgets them."""

    rule: TwoPerson
    access: Access
    persons: Persons
    runner: Runner
    dresser: Dresser
    wall_clock: Callable[[], int]
    limits: ChatLimits
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _count: int = field(init=False, default=0)
    _open: dict[int, Waiting] = field(init=False, default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    def rules(self, command: Command) -> bool:
        """True when a command needs two people."""
        return command.name in self.rule.commands

    async def ask(self, errand: Errand, question: Question, card: Reply) -> Ending:
        """Put it before the others; the first person's chat shows the same card."""
        others = self._others(errand)
        if not others:
            role = errand.command.role.word
            text = (
                f"/{errand.command.name} needs a second {role} or above, and there is none. Nothing was done."
            )
            return Ending(Outcome.REFUSED, refusal("Nobody else may confirm this", text))
        self._count += 1
        shown_now = snapshot_of(card)
        digest = bound_digest(errand, shown_now)
        asked = replace(question, errand=errand, snapshot=shown_now, digest=digest)
        pending = Pending(self._count, asked, self.wall_clock() + self.rule.valid_ms)
        waiting = self._open[pending.number] = Waiting(pending)
        self._later(self._tell(waiting, others, card))
        self._later(self._end(pending))
        shown = self.dresser.second_card(card, pending, errand.chat_id, self._words)
        return Ending(Outcome.WAITING, shown, "waits for a second person")

    async def answered(self, hearing: Hearing, held: SecondAnswer) -> Ending:
        """Another person's answer; from the check to closing it nothing is awaited."""
        pending, asker = held.pending, held.pending.errand.actor
        if self.persons.same(asker.id, hearing.actor.id):
            return Ending(
                Outcome.DENIED, refusal("Another person has to confirm", "You asked for it yourself.")
            )
        if self.wall_clock() > pending.expires_at_ms:
            return Ending(Outcome.EXPIRED, self._expired(pending))
        waiting = self._open.pop(pending.number, None)
        if waiting is None:
            return Ending(Outcome.REFUSED, outcome.ANSWERED)
        ending = (
            await self._carried_out(waiting, hearing) if held.yes else self._refused(pending, hearing.actor)
        )
        self._later(self._spread(waiting, hearing, ending))
        return ending

    def placed(self, pending: Pending, message_id: str) -> None:
        """The card that answered the first person hangs on this message."""
        waiting, errand = self._open.get(pending.number), pending.errand
        if waiting is not None and message_id:
            waiting.copies.append(Copy(errand.actor.platform, errand.chat_id, message_id))

    @property
    def _words(self) -> str:
        seconds = self.rule.valid_ms // 1000
        return f"Another person has to confirm within {seconds} s; until then nothing is done."

    def _others(self, errand: Errand) -> list[str]:
        """Users who may confirm: the role reaches, and they are not the person who asks."""
        crew = self.access.crew(self.wall_clock())
        same = self.persons.users_of(errand.actor.id)
        return [user for user, role in crew.items() if role >= errand.command.role and user not in same]

    async def _tell(self, waiting: Waiting, others: list[str], card: Reply) -> None:
        """The card into the private chats of those who may confirm, all at once."""
        await asyncio.gather(*(self._tell_one(waiting, user, card) for user in others))

    async def _tell_one(self, waiting: Waiting, user: str, card: Reply) -> None:
        platform, chat_id = user.partition(":")[0], private_chat(user)
        shown = self.dresser.second_card(card, waiting.pending, chat_id, self._words)
        message_id = await self.runner.voice.try_say(platform, chat_id, shown)
        if message_id:
            waiting.copies.append(Copy(platform, chat_id, message_id))

    async def _carried_out(self, waiting: Waiting, hearing: Hearing) -> Ending:
        """Do it as the first person if they still may and the figures are those that were shown."""
        pending = waiting.pending
        errand = pending.errand
        role = self.access.role(errand.actor.id, self.wall_clock())
        if role is None or role < errand.command.role:
            text = f"{errand.actor.name} may not do this any more. Nothing was done."
            return Ending(Outcome.REFUSED, refusal("Not done", text), f"asked by {errand.actor.id}")
        errand = replace(errand, actor=replace(errand.actor, role=role, origin=hearing.actor.origin))
        ending = await self._run(errand, pending)
        return replace(ending, remark=f"asked by {errand.actor.id}, confirmed by {hearing.actor.id}")

    async def _run(self, errand: Errand, pending: Pending) -> Ending:
        card = await self.runner.preview(errand)
        if isinstance(card, Ending):
            return card
        if card is not None and not still_true(pending.question, card, self.limits.requote_percent):
            text = f"The figures changed since it was asked. Nothing was done; send {errand.arguments.line} again."
            return Ending(Outcome.REFUSED, refusal("Not done", text))
        return await self.runner.run(errand)

    def _refused(self, pending: Pending, by: Actor) -> Ending:
        said = Reply(f"Refused: {pending.question.line}", text=f"{by.name} said no. Nothing was done.")
        return Ending(Outcome.CANCELLED, said, f"asked by {pending.errand.actor.id}")

    def _expired(self, pending: Pending) -> Reply:
        seconds = self.rule.valid_ms // 1000
        text = f"Nobody confirmed {pending.question.line} within {seconds} s; nothing was done."
        return refusal("Expired", text)

    async def _end(self, pending: Pending) -> None:
        """When the time is over the first person is told, and the cards say so."""
        await self.sleep(self.rule.valid_ms / 1000)
        waiting = self._open.pop(pending.number, None)
        if waiting is not None:
            await self._show_end(waiting, self._expired(pending), "")

    async def _spread(self, waiting: Waiting, hearing: Hearing, ending: Ending) -> None:
        """The first person gets the outcome, the other cards lose their buttons."""
        if ending.reply is not None:
            told = replace(
                ending.reply, text=f"Answered by {hearing.actor.name}.\n{ending.reply.text}".strip()
            )
            here = f"{hearing.request.platform}:{hearing.request.chat_id}"
            await self._show_end(waiting, told, here)

    async def _show_end(self, waiting: Waiting, reply: Reply, but: str) -> None:
        """Cards in other chats than `but` show the end; a first person without a card to change gets a message."""
        errand = waiting.pending.errand
        home = f"{errand.actor.platform}:{errand.chat_id}"
        bare = replace(reply, buttons=(), name=errand.command.name, plot=None, file=None)
        copies = [copy for copy in waiting.copies if f"{copy.platform}:{copy.chat_id}" != but]
        voice = self.runner.voice
        if home != but:
            await voice.try_say(errand.actor.platform, errand.chat_id, bare)
        short = Reply(bare.title, text=bare.text.partition("\n")[0], ok=bare.ok, name=bare.name)
        for copy in copies:
            await voice.try_amend(copy.platform, copy.chat_id, copy.message_id, short)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        """Beside the answer, so that a slow platform keeps nobody waiting."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
