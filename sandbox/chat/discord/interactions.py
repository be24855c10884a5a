"""Interactions: what people did, and the bot's one answer within three seconds and its follow-ups within 15 minutes."""

from collections.abc import Callable, Sequence

from sandbox.chat.bodies import Upload
from sandbox.chat.discord.answers import Answer, Form, Json, Refused, unknown
from sandbox.chat.discord.command_rules import check_choices
from sandbox.chat.discord.modal_rules import check_modal
from sandbox.chat.discord.nouns import EPHEMERAL, Channel, Interaction, InteractionKind, Message, User
from sandbox.chat.discord.world import World
from sandbox.chat.pace import Seconds

MESSAGE, WAIT, WAIT_FOR_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
_ALLOWED = {
    InteractionKind.COMMAND: (MESSAGE, WAIT, MODAL),
    InteractionKind.COMPONENT: (MESSAGE, WAIT, WAIT_FOR_UPDATE, UPDATE, MODAL),
    InteractionKind.COMPLETION: (CHOICES,),
    InteractionKind.MODAL: (MESSAGE, WAIT, WAIT_FOR_UPDATE, UPDATE),
}


class Interactions:
    """All of them, by id; `made` in order."""

    def __init__(self, world: World, seconds: Seconds) -> None:
        self._world = world
        self._seconds = seconds
        self.made: list[Interaction] = []
        self._by_token: dict[str, Interaction] = {}

    def begin(
        self, kind: InteractionKind, user: User, channel: Channel, data: Json, pressed: Message | None = None
    ) -> Interaction:
        """Somebody did something: the bot hears of it when it is connected, or when it resumes."""
        own = self._world.ids.next()
        made = Interaction(
            own, kind, f"sandbox-interaction-{own}", user, channel, self._seconds(), {}, pressed
        )
        made.payload = self._payload(made, data)
        self.made.append(made)
        self._by_token[made.token] = made
        self.deliver(made)
        return made

    def deliver(self, interaction: Interaction) -> None:
        """Send its event, once more when it was sent already."""
        self._world.publish("INTERACTION_CREATE", interaction.payload, None)

    def failed(self, interaction: Interaction) -> bool:
        """Whether the person reads "The application did not respond"."""
        return interaction.answered is None and self._age_s(interaction) > self._world.rules.first_answer_s

    def callback(self, number: str, token: str, body: Json, files: Sequence[Upload], full: bool) -> Answer:
        """The first answer; `full` asks for what came of it (with_response)."""
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != number or self.failed(interaction):
            raise unknown(10062, "interaction")
        if interaction.answered is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        kind = _kind(interaction, body.get("type"))
        self._deeds()[kind](interaction, dict(body.get("data") or {}), files)
        interaction.answered = kind
        self._world.bell.ring()
        return Answer(_told(interaction)) if full else Answer(None, 204)

    def follow_up(self, token: str, body: Json, files: Sequence[Upload]) -> Message:
        """One message more; the first one after "is thinking" takes its place."""
        interaction = self._answered(token)
        waiting = interaction.original
        if waiting is not None and waiting.loading:
            return self._world.change(waiting, body, files)
        only_for = interaction.user.id if _private(body) else None
        message = self._world.write(interaction.channel, body, files, only_for)
        interaction.messages.append(message)
        return message

    def original(self, token: str) -> Message:
        """The message of the first answer; 404 when there is none (any more)."""
        found = self._answered(token).original
        if found is None or found.gone:
            raise unknown(10008, "Message")
        return found

    def followed(self, token: str, number: str) -> Message:
        """One of its messages by id."""
        interaction = self._answered(token)
        for message in (interaction.original, *interaction.messages):
            if message is not None and message.id == number and not message.gone:
                return message
        raise unknown(10008, "Message")

    def has(self, token: str) -> bool:
        """Whether the token belongs to an interaction, alive or not."""
        return token in self._by_token

    def _answered(self, token: str) -> Interaction:
        interaction = self._by_token.get(token)
        if interaction is None or interaction.answered is None:
            raise unknown(10015, "Webhook")
        if self._age_s(interaction) > self._world.rules.token_s:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return interaction

    def _deeds(self) -> dict[int, Callable[[Interaction, Json, Sequence[Upload]], None]]:
        return {
            MESSAGE: self._message,
            WAIT: self._wait,
            WAIT_FOR_UPDATE: self._wait_for_update,
            UPDATE: self._update,
            CHOICES: self._choices,
            MODAL: self._modal,
        }

    def _message(self, interaction: Interaction, body: Json, files: Sequence[Upload]) -> None:
        interaction.private = _private(body)
        only_for = interaction.user.id if interaction.private else None
        interaction.original = self._world.write(interaction.channel, body, files, only_for)

    def _wait(self, interaction: Interaction, body: Json, files: Sequence[Upload]) -> None:
        interaction.private = _private(body)
        only_for = interaction.user.id if interaction.private else None
        interaction.original = self._world.wait(interaction.channel, only_for)

    def _wait_for_update(self, interaction: Interaction, body: Json, files: Sequence[Upload]) -> None:
        interaction.original = interaction.pressed

    def _update(self, interaction: Interaction, body: Json, files: Sequence[Upload]) -> None:
        if interaction.pressed is None or interaction.pressed.gone:
            raise unknown(10008, "Message")
        interaction.original = self._world.change(interaction.pressed, body, files)

    def _choices(self, interaction: Interaction, body: Json, files: Sequence[Upload]) -> None:
        asked = next(option for option in interaction.payload["data"]["options"] if option.get("focused"))
        form = Form()
        check_choices(form, "data.choices", body.get("choices"), asked["type"])
        form.close()
        interaction.choices = list(body.get("choices") or [])

    def _modal(self, interaction: Interaction, body: Json, files: Sequence[Upload]) -> None:
        check_modal(body)
        interaction.modal = body

    def _payload(self, made: Interaction, data: Json) -> Json:
        """The event as Discord sends it."""
        guild = self._world.guilds.get(made.channel.guild_id or "")
        payload: Json = {
            "id": made.id,
            "application_id": self._world.application_id,
            "type": int(made.kind),
            "token": made.token,
            "version": 1,
            "channel_id": made.channel.id,
            "channel": {**made.channel.json(), "permissions": _ALL},
            "data": data,
            "locale": "en-US",
            "app_permissions": _ALL,
            "entitlements": [],
            "authorizing_integration_owners": {"0": guild.id if guild else "0"},
            "context": 0 if guild else 1,
            "attachment_size_limit": self._world.rules.file_bytes,
        }
        if made.pressed is not None:
            payload["message"] = made.pressed.json()
        if guild is None:
            return {**payload, "user": made.user.json()}
        member = member_json(made.user, guild.members[made.user.id])
        return {**payload, "guild_id": guild.id, "guild_locale": "en-US", "member": member}

    def _age_s(self, interaction: Interaction) -> float:
        return self._seconds() - interaction.at_s


_ALL = str((1 << 50) - 1)


def member_json(user: User, roles: Sequence[str]) -> Json:
    """A user as a member of a guild."""
    joined = "2024-01-01T00:00:00+00:00"
    made = {"user": user.json(), "roles": list(roles), "joined_at": joined, "deaf": False, "mute": False}
    return {**made, "flags": 0, "permissions": _ALL, "nick": None, "avatar": None, "premium_since": None}


def _kind(interaction: Interaction, given: object) -> int:
    """The type of the answer; refused when this interaction takes no such."""
    allowed = _ALLOWED[interaction.kind]
    if isinstance(given, int) and given in allowed and (given != UPDATE or interaction.pressed is not None):
        return given
    form = Form()
    form.wrong("type", "BASE_TYPE_CHOICES", f"Value must be one of {allowed}.")
    raise form.refusal()


def _private(body: Json) -> bool:
    return bool(int(body.get("flags") or 0) & EPHEMERAL)


def _told(interaction: Interaction) -> Json:
    """What `with_response` brings back."""
    original = interaction.original
    about: Json = {"id": interaction.id, "type": int(interaction.kind)}
    if original is None:
        return {"interaction": about}
    about["response_message_id"] = original.id
    about["response_message_loading"] = original.loading
    about["response_message_ephemeral"] = interaction.private
    if interaction.answered == WAIT_FOR_UPDATE:
        return {"interaction": about}
    return {"interaction": about, "resource": {"type": interaction.answered, "message": original.json()}}
