"""People at Slack's client: they do what it lets them do, and see what it shows them."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.chat.seen import NoAnswer, Shown
from sandbox.chat.slack.answers import Json
from sandbox.chat.slack.deeds import Deeds
from sandbox.chat.slack.form import Impossible, filled
from sandbox.chat.slack.mrkdwn import block_texts, shown
from sandbox.chat.slack.nouns import Channel, Message, User, View
from sandbox.chat.slack.socket_mode import Envelope
from sandbox.chat.slack.world import Change, World

__all__ = ["Button", "Impossible", "NoAnswer", "Person", "Seen"]


@dataclass(frozen=True, slots=True)
class Button:
    """A button or a select as it is shown; `options` are a select's labels."""

    label: str
    action_id: str
    style: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Shown[Button]):
    """A message (or a modal) as a person sees it now. `text`: its blocks, or its text when it has none."""

    ts: str
    thread_ts: str = ""
    is_modal: bool = False


class Person:
    """One account. `last` is the envelope of what it did last, None when the app does not hear of it."""

    def __init__(self, user: User, world: World, deeds: Deeds) -> None:
        self.user = user
        self._world = world
        self._deeds = deeds
        self._mark = 0
        self._place: Channel | None = None
        self.last: Envelope | None = None

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id

    @property
    def private(self) -> Channel:
        """The direct messages with the app."""
        return self._world.direct(self.user)

    @property
    def modal(self) -> View | None:
        """The modal that is open, the newest one."""
        own = [view for view in self._world.views.values() if view.user is self.user and view.open]
        return own[-1] if own else None

    @property
    def failures(self) -> list[Envelope]:
        """What the app did not acknowledge in time, or could not be given."""
        return [one for one in self._deeds.of(self.user) if self._deeds.mode.failure(one)]

    def command(self, channel: Channel, name: str, text: str = "") -> Envelope:
        """A slash command such as "/status"; Impossible when the app has not registered it."""
        self._enter(channel)
        if name not in self._world.manifest.commands:
            raise Impossible(f"{name} is not a valid command")
        return self._did(channel, self._deeds.command(self.user, channel, name, text))

    def says(self, channel: Channel, text: str, thread_ts: str = "") -> Message:
        """An ordinary message; the app hears of those in private and of those that mention it."""
        self._enter(channel)
        message, envelope = self._deeds.say(self.user, channel, text, thread_ts)
        self._did(channel, envelope)
        return message

    def mention(self, channel: Channel, text: str) -> Message:
        """A message that begins with the app's name."""
        return self.says(channel, f"<@{self._world.bot.id}> {text}")

    def dm(self, text: str) -> Message:
        """A message in private."""
        return self.says(self.private, text)

    def edits(self, message: Message, text: str) -> None:
        """Change an own message; the app hears of it as `message_changed`."""
        channel = self._world.channels[message.channel_id]
        self._did(channel, self._deeds.edit(self.user, channel, message, text))

    def press(self, channel: Channel, label: str, on: Seen | None = None) -> Envelope:
        """A button by its label, on the newest message that shows it or on the given one."""
        self._enter(channel)
        for message in reversed(list(self._visible(channel))):
            for block, part in _parts(message.blocks):
                if (on is None or message.ts == on.ts) and label in _labels(part):
                    envelope = self._deeds.press(self.user, channel, message, block, part, label)
                    return self._did(channel, envelope)
        raise Impossible(f"there is no {label!r} to press")

    def submit(self, values: Mapping[str, str]) -> Envelope:
        """Send the modal, filled in by label; Impossible when the client would not let it go."""
        view = self.modal
        if view is None:
            raise Impossible("no modal is open")
        entered = filled(view.body["blocks"], values)
        return self._did(self._place or self.private, self._deeds.submit(self.user, view, entered))

    def again(self, envelope: Envelope) -> Envelope:
        """Slack delivers the same thing once more under a new envelope."""
        return self._deeds.mode.send(envelope.kind, envelope.payload, envelope.accepts, envelope.attempt + 1)

    def sees(self, channel: Channel) -> list[Seen]:
        """All messages there, as they are now; ephemeral ones only when they are this person's."""
        self._enter(channel)
        return [self._seen(message) for message in self._visible(channel)]

    async def answer(self, timeout_s: float = 10.0) -> Seen:
        """The first thing the app showed after what was done last: a message, a changed one, or a modal.

        NoAnswer with Slack's word when it was not acknowledged within three seconds or nobody listens, and when
        `timeout_s` is over.
        """
        bell, mode, envelope = self._world.bell, self._deeds.mode, self.last
        asyncio.get_running_loop().call_later(self._world.rules.ack_s + 0.001, bell.ring)

        def failed() -> str:
            return mode.failure(envelope) if envelope is not None and envelope.kind != "events_api" else ""

        await bell.until(lambda: bool(failed()) or self._found() is not None, timeout_s)
        found = self._found()
        if found is not None:
            return self._shown(found)
        raise NoAnswer(failed() or f"no answer within {timeout_s:g} s")

    async def answers(self, timeout_s: float = 10.0) -> list[Seen]:
        """The first answer and all that have followed by then."""
        await self.answer(timeout_s)
        return [self._shown(change) for change in self._mine()]

    def _did[E: Envelope | None](self, channel: Channel, envelope: E) -> E:
        """Answers count from here on."""
        self._mark = self._deeds.before
        self._place, self.last = channel, envelope
        return envelope

    def _found(self) -> Change | None:
        return next(self._mine(), None)

    def _mine(self) -> Iterator[Change]:
        """What the app has done since, where this person looks."""
        return (change for change in self._world.changes[self._mark :] if self._concerns(change))

    def _concerns(self, change: Change) -> bool:
        if change.view is not None:
            return change.view.user is self.user
        message = change.message
        here = message is not None and self._place is not None and message.channel_id == self._place.id
        return here and message is not None and message.only_for in ("", self.user.id)

    def _shown(self, change: Change) -> Seen:
        if change.view is not None:
            body = change.view.body
            texts = [str(body["title"]["text"]), *(shown(text) for _, text in block_texts(body["blocks"]))]
            return Seen(
                ts="",
                author=self._world.bot.name,
                text="\n".join(texts),
                buttons=_buttons(body["blocks"]),
                is_modal=True,
            )
        assert change.message is not None  # noqa: S101 (a change is one or the other)
        return self._seen(change.message)

    def _enter(self, channel: Channel) -> None:
        if self.user.id not in channel.members:
            raise Impossible(f"{self.user.name} is not in this channel")

    def _visible(self, channel: Channel) -> Iterator[Message]:
        for message in channel.messages:
            if not message.gone and message.only_for in ("", self.user.id):
                yield message

    def _seen(self, message: Message) -> Seen:
        texts = [shown(text) for _, text in block_texts(message.blocks)] or [shown(message.text)]
        return Seen(
            ts=message.ts,
            author=self._world.users[message.user_id].name,
            text="\n".join(texts),
            buttons=_buttons(message.blocks),
            files={file.name: file.content or b"" for file in message.files},
            ephemeral=bool(message.only_for),
            edited=message.edited,
            thread_ts=message.thread_ts,
        )


def _parts(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every button and select, with its block."""
    for block in blocks:
        if block["type"] == "actions":
            yield from ((block, part) for part in block["elements"])
        elif "accessory" in block:
            yield block, block["accessory"]


def _labels(part: Json) -> tuple[str, ...]:
    if part["type"] == "button":
        return (str(part["text"]["text"]),)
    return tuple(str(option["text"]["text"]) for option in part.get("options", ()))


def _buttons(blocks: list[Json]) -> tuple[Button, ...]:
    made = []
    for _, part in _parts(blocks):
        is_button = part["type"] == "button"
        label = _labels(part)[0] if is_button else str((part.get("placeholder") or {}).get("text", ""))
        options = () if is_button else _labels(part)
        made.append(Button(label, str(part["action_id"]), str(part.get("style") or ""), options))
    return tuple(made)
