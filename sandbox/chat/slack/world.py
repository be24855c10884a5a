"""The state of the sandbox's Slack: users, channels, what was written, which modals are open."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sandbox.chat.bell import Bell
from sandbox.chat.pace import Seconds
from sandbox.chat.slack.answers import Json, Refused
from sandbox.chat.slack.blocks import check_blocks, check_view
from sandbox.chat.slack.mrkdwn import marked_texts, pings
from sandbox.chat.slack.nouns import Channel, File, Message, Respond, Trigger, User, View
from sandbox.chat.slack.rules import Manifest, SlackRules

TEAM = "T0"
APP = "A0"


@dataclass(frozen=True, slots=True)
class Change:
    """Something the app did that people can see: a message, or a modal."""

    message: Message | None = None
    view: View | None = None


class World:
    """Everything that lasts. `bell` rings at every change; `changes` are all that the app made visible, in order."""

    def __init__(
        self, manifest: Manifest, rules: SlackRules, wall_ms: Callable[[], int], seconds: Seconds
    ) -> None:
        """A workspace with the app in it and nobody else."""
        self.manifest = manifest
        self.rules = rules
        self.wall_ms = wall_ms
        self.seconds = seconds
        self.bell = Bell()
        self.bot = User("U0BOT", "quarterdeck", bot=True)
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.responds: dict[str, Respond] = {}
        self.webhooks: dict[str, Channel] = {}
        self.changes: list[Change] = []
        self._made = 0
        self._last_us = 0

    def number(self, prefix: str) -> str:
        """A new id such as U0007."""
        self._made += 1
        return f"{prefix}{self._made:04d}"

    def ts(self) -> str:
        """The time as a message's id; no two are the same."""
        self._last_us = max(self._last_us + 1, self.wall_ms() * 1000)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def add_user(self, name: str, number: str = "") -> User:
        """A person, with that id when it matters."""
        user = User(number or self.number("U"), name)
        self.users[user.id] = user
        return user

    def add_channel(self, name: str, number: str = "") -> Channel:
        """A channel with the app in it."""
        channel = Channel(number or self.number("C"), name, {self.bot.id})
        self.channels[channel.id] = channel
        return channel

    def direct(self, user: User) -> Channel:
        """The app's direct messages with a person."""
        found = next((one for one in self.channels.values() if one.person is user), None)
        if found is None:
            found = Channel(self.number("D"), "directmessage", {self.bot.id, user.id}, user)
            self.channels[found.id] = found
        return found

    def channel(self, given: object) -> Channel:
        """By id, by #name, or a person's by the person's id; refused when the app cannot write there."""
        if isinstance(given, str) and given in self.users and not self.users[given].bot:
            return self.direct(self.users[given])
        found = next(
            (one for one in self.channels.values() if given in (one.id, f"#{one.name}", one.name)), None
        )
        if found is None:
            raise Refused("channel_not_found")
        if found.archived:
            raise Refused("is_archived")
        if self.bot.id not in found.members:
            raise Refused("not_in_channel")
        return found

    def message(self, channel: Channel, ts: object) -> Message:
        """One that all can see; refused as message_not_found."""
        for message in channel.messages:
            if message.ts == ts and not message.gone and not message.only_for:
                return message
        raise Refused("message_not_found")

    def all_messages(self) -> Iterator[Message]:
        """Every message of every channel, deleted ones too."""
        for channel in self.channels.values():
            yield from channel.messages

    def write(self, channel: Channel, body: Json, only_for: str = "", files: Sequence[File] = ()) -> Message:
        """A new message of the app; refused when it breaks a rule."""
        text, blocks = self._content(body, bool(files))
        message = Message(self.ts(), channel.id, self.bot.id, text, blocks, only_for=only_for, of_bot=True)
        message.thread_ts = str(body.get("thread_ts") or "")
        message.pings = _pinged(text, blocks, body)
        message.files = list(files)
        channel.messages.append(message)
        self.happened(Change(message))
        return message

    def change(self, message: Message, body: Json) -> Message:
        """New text and blocks; blocks stay when none are named."""
        kept = body if "blocks" in body else {**body, "blocks": message.blocks}
        text, blocks = self._content(kept, bool(message.files))
        message.text, message.blocks, message.edited = text, blocks, True
        message.pings = (*message.pings, *_pinged(text, blocks, body))
        self.happened(Change(message))
        return message

    def remove(self, message: Message) -> None:
        """Nobody sees it any more."""
        message.gone = True
        self.happened(Change(message))

    def open_view(self, trigger_id: object, body: object) -> View:
        """A modal before the person whose trigger it is: once, within three seconds."""
        view = check_view(body)
        trigger = self.triggers.get(str(trigger_id))
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self.seconds() - trigger.at_s > self.rules.trigger_s:
            raise Refused("expired_trigger_id")
        trigger.used = True
        made = View(self.number("V"), trigger.user, self.named(view))
        self.views[made.id] = made
        self.happened(Change(view=made))
        return made

    def change_view(self, view: View, body: object) -> View:
        """Another content for an open modal."""
        view.body = self.named(check_view(body))
        view.version += 1
        self.happened(Change(view=view))
        return view

    def trigger(self, user: User) -> Trigger:
        """A person did something that may open a modal."""
        made = Trigger(self.number("trigger-"), user, self.seconds())
        self.triggers[made.id] = made
        return made

    def respond(self, user: User, channel: Channel, message: Message | None = None) -> Respond:
        """An address to respond to."""
        made = Respond(self.number("sandbox-respond-"), user, channel, self.seconds(), message)
        self.responds[made.key] = made
        return made

    def happened(self, change: Change) -> None:
        """People can see something new."""
        self.changes.append(change)
        self.bell.ring()

    def named(self, view: Json) -> Json:
        """The view with ids where the app gave none."""
        return {**view, "blocks": self._named(view["blocks"])}

    def _content(self, body: Json, has_files: bool) -> tuple[str, list[Json]]:
        text = body.get("text") or ""
        if not isinstance(text, str):
            raise Refused("invalid_arguments", ["[ERROR] must be a string [json-pointer:/text]"])
        if len(text) > self.rules.text:
            raise Refused("msg_too_long")
        blocks = check_blocks(body.get("blocks") or [])
        if not text and not blocks and not has_files:
            raise Refused("no_text")
        return text, self._named(blocks)

    def _named(self, blocks: Sequence[Json]) -> list[Json]:
        """Blocks and their elements get ids when they have none, as in reality."""
        made = []
        for block in blocks:
            own = {**block, "block_id": block.get("block_id") or self.number("b")}
            for part in ("element", "accessory"):
                if isinstance(own.get(part), dict):
                    own[part] = self._element(own[part])
            if own["type"] == "actions":
                own["elements"] = [self._element(part) for part in own["elements"]]
            made.append(own)
        return made

    def _element(self, part: Json) -> Json:
        return {**part, "action_id": part.get("action_id") or self.number("a")}


def _pinged(text: str, blocks: Sequence[Json], body: Json) -> tuple[str, ...]:
    linked = bool(body.get("link_names")) or body.get("parse") == "full"
    return pings([text, *marked_texts(blocks)], linked)
