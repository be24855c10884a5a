"""People at Discord's client: they do what it lets them do, and see what it shows them."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.chat.discord.answers import Json
from sandbox.chat.discord.client_rules import Impossible, completion_data, modal_values, option_values
from sandbox.chat.discord.command_rules import USER
from sandbox.chat.discord.interactions import WAIT_FOR_UPDATE, Interactions, member_json
from sandbox.chat.discord.message_rules import embed_texts
from sandbox.chat.discord.modal_rules import submitted
from sandbox.chat.discord.nouns import Channel, Interaction, InteractionKind, Message, User
from sandbox.chat.discord.world import World
from sandbox.chat.seen import NoAnswer, Shown

__all__ = ["Button", "Impossible", "NoAnswer", "Person", "Seen"]

_SELECTS = (3, 5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Button:
    """A button or a select as it is shown; `options` are a select's labels."""

    label: str
    custom_id: str
    disabled: bool = False
    style: int = 0
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Shown[Button]):
    """A message as a person sees it now. `text` holds content and embeds."""

    id: str
    thinking: bool = False
    silent: bool = False


class Person:
    """One account. `last` is what it did last; `private` its direct messages with the bot."""

    def __init__(self, user: User, world: World, interactions: Interactions) -> None:
        self.user = user
        self._world = world
        self._interactions = interactions
        self.last: Interaction | None = None

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id

    @property
    def private(self) -> Channel:
        """The direct messages with the bot."""
        return self._world.direct(self.user)

    def offered(self, channel: Channel) -> dict[str, Json]:
        """Slash commands that the client offers there, by name; a guild's own hide those for everywhere."""
        everywhere = self._world.commands.get(None, [])
        if channel.guild_id is None:
            return {one["name"]: one for one in everywhere if _in_private(one)}
        own = self._world.commands.get(channel.guild_id, [])
        in_guild = [one for one in everywhere if one.get("contexts") is None or 0 in one["contexts"]]
        return {one["name"]: one for one in (*in_guild, *own)}

    def slash(self, channel: Channel, name: str, options: Mapping[str, object] | None = None) -> Interaction:
        """A slash command with its options; Impossible when the client would not send it."""
        self._enter(channel)
        command = self._command(channel, name)
        rows = option_values(command, dict(options or {}))
        data: Json = {"id": command["id"], "name": name, "type": 1, "options": rows}
        data |= self._resolved(channel, [row["value"] for row in rows if row["type"] == USER])
        return self._begin(InteractionKind.COMMAND, channel, {**data, **_guild_of(command)})

    async def completes(
        self, channel: Channel, name: str, option: str, typed: str, timeout_s: float = 5.0
    ) -> tuple[str, ...]:
        """What the client offers while `option` is typed; NoAnswer when nothing comes within three seconds."""
        self._enter(channel)
        command = self._command(channel, name)
        data: Json = {"id": command["id"], "name": name, "type": 1, **completion_data(command, option, typed)}
        made = self._begin(InteractionKind.COMPLETION, channel, {**data, **_guild_of(command)})
        await self._settled(made, timeout_s)
        return tuple(str(choice["name"]) for choice in made.choices)

    def press(self, channel: Channel, label: str, on: Seen | None = None) -> Interaction:
        """A button by its label, on the newest message that shows it or on the given one."""
        message, part = self._find(channel, label, on, (2,))
        data = {"custom_id": part["custom_id"], "component_type": 2}
        return self._begin(InteractionKind.COMPONENT, channel, data, message)

    def choose(self, channel: Channel, option: str, on: Seen | None = None) -> Interaction:
        """An option of a select by its label."""
        message, part = self._find(channel, option, on, (3,))
        value = next(row["value"] for row in part["options"] if row["label"] == option)
        data = {"custom_id": part["custom_id"], "component_type": 3, "values": [value]}
        return self._begin(InteractionKind.COMPONENT, channel, data, message)

    def submit(self, values: Mapping[str, str]) -> Interaction:
        """Send the form that is open, filled in by label; Impossible when the client would not let it go."""
        opened = self.last
        if opened is None or opened.modal is None:
            raise Impossible("no form is open")
        filled = modal_values(opened.modal, values)
        parts = submitted(opened.modal, filled)
        data = {"custom_id": opened.modal["custom_id"], "components": parts}
        return self._begin(InteractionKind.MODAL, opened.channel, data, opened.pressed)

    def says(self, channel: Channel, text: str) -> Message:
        """An ordinary message."""
        self._enter(channel)
        return self._world.write(channel, {"content": text}, (), author=self.user.json())

    def again(self, interaction: Interaction) -> None:
        """Discord delivers the same interaction once more."""
        self._interactions.deliver(interaction)

    def sees(self, channel: Channel) -> list[Seen]:
        """All messages there, as they are now; ephemeral ones only when they are this person's."""
        self._enter(channel)
        return [_seen(message) for message in self._visible(channel)]

    @property
    def failures(self) -> list[Interaction]:
        """What the application did not respond to."""
        own = [one for one in self._interactions.made if one.user is self.user]
        return [one for one in own if self._interactions.failed(one)]

    async def answer(self, timeout_s: float = 10.0) -> Seen:
        """What the bot answered to what was done last: its message, the changed one, or the form's title.

        NoAnswer after three seconds without any, or when `timeout_s` is over while it still "is thinking".
        """
        if self.last is None:
            raise NoAnswer("nothing was asked")
        interaction = self.last
        await self._settled(interaction, timeout_s)
        if interaction.modal is not None:
            return Seen(id="", author=self._world.bot.name, text=str(interaction.modal["title"]))
        found = interaction.original if interaction.answered != WAIT_FOR_UPDATE else None
        found = found or next(iter(interaction.messages), interaction.original)
        if found is None:
            raise NoAnswer("acknowledged without a message")
        return _seen(found)

    async def answers(self, timeout_s: float = 10.0) -> list[Seen]:
        """The answer and the follow-ups there are by then."""
        first = await self.answer(timeout_s)
        more = self.last.messages if self.last else []
        return [first, *(_seen(one) for one in more if one.id != first.id)]

    async def _settled(self, interaction: Interaction, timeout_s: float) -> None:
        bell = self._world.bell
        asyncio.get_running_loop().call_later(self._world.rules.first_answer_s + 0.001, bell.ring)
        over = await bell.until(
            lambda: self._interactions.failed(interaction) or self._is_settled(interaction), timeout_s
        )
        if self._interactions.failed(interaction):
            raise NoAnswer("The application did not respond")
        if not over:
            raise NoAnswer(f"no answer within {timeout_s:g} s")

    def _is_settled(self, interaction: Interaction) -> bool:
        if interaction.answered is None:
            return False
        if interaction.answered == WAIT_FOR_UPDATE:
            pressed = interaction.pressed
            changed = pressed is not None and _state(pressed) != interaction.pressed_state
            return bool(interaction.messages) or changed
        return interaction.original is None or not interaction.original.loading

    def _begin(
        self, kind: InteractionKind, channel: Channel, data: Json, pressed: Message | None = None
    ) -> Interaction:
        made = self._interactions.begin(kind, self.user, channel, data, pressed)
        made.pressed_state = _state(pressed) if pressed else ()
        self.last = made
        return made

    def _resolved(self, channel: Channel, users: list[str]) -> Json:
        """What the client sends along of the users it names."""
        guild = self._world.guilds.get(channel.guild_id or "")
        if any(one not in self._world.users for one in users):
            raise Impossible("no such user")
        if not users:
            return {}
        members = {one: member_json(self._world.users[one], guild.members[one]) for one in users if guild}
        shown = {one: self._world.users[one].json() for one in users}
        return {"resolved": {"users": shown, "members": members}}

    def _enter(self, channel: Channel) -> None:
        guild = self._world.guilds.get(channel.guild_id or "")
        inside = self.user.id in guild.members if guild else channel.recipient is self.user
        if not inside:
            raise Impossible(f"{self.user.name} is not in this channel")

    def _command(self, channel: Channel, name: str) -> Json:
        offered = self.offered(channel)
        if name not in offered:
            raise Impossible(f"the client offers no /{name} here")
        return offered[name]

    def _visible(self, channel: Channel) -> Iterator[Message]:
        for message in channel.messages:
            if not message.gone and message.only_for in (None, self.user.id):
                yield message

    def _find(
        self, channel: Channel, label: str, on: Seen | None, kinds: tuple[int, ...]
    ) -> tuple[Message, Json]:
        self._enter(channel)
        for message in reversed(list(self._visible(channel))):
            if on is not None and message.id != on.id:
                continue
            for part in _parts(message):
                if part["type"] in kinds and label in _labels(part) and not part.get("disabled"):
                    return message, part
        raise Impossible(f"there is no {label!r} to press")


def _in_private(command: Json) -> bool:
    contexts = command.get("contexts")
    return command.get("dm_permission", True) is not False and (contexts is None or 1 in contexts)


def _guild_of(command: Json) -> Json:
    return {"guild_id": command["guild_id"]} if "guild_id" in command else {}


def _parts(message: Message) -> Iterator[Json]:
    for row in message.components:
        yield from row["components"]


def _labels(part: Json) -> tuple[str, ...]:
    if part["type"] in _SELECTS:
        return tuple(str(option["label"]) for option in part.get("options", ()))
    return (str(part.get("label") or (part.get("emoji") or {}).get("name") or ""),)


def _state(message: Message) -> tuple[object, ...]:
    """What is compared to see whether a message has changed."""
    return (
        message.content,
        repr(message.embeds),
        repr(message.components),
        message.edited_at_ms,
        message.gone,
    )


def _seen(message: Message) -> Seen:
    texts = [message.content, *(text for embed in message.embeds for text in embed_texts(embed))]
    parts = [_button(part) for part in _parts(message)]
    return Seen(
        id=message.id,
        author=str(message.author["username"]),
        text="\n".join(text for text in texts if text),
        buttons=tuple(parts),
        files={one.name: one.content for one in message.attachments},
        ephemeral=message.only_for is not None,
        edited=message.edited_at_ms is not None,
        thinking=message.loading,
        silent=message.silent,
    )


def _button(part: Json) -> Button:
    options = _labels(part) if part["type"] in _SELECTS else ()
    label = str(part.get("placeholder") or "") if options else _labels(part)[0]
    own, style = str(part.get("custom_id", "")), int(part.get("style") or 0)
    return Button(label, own, bool(part.get("disabled")), style, options)
