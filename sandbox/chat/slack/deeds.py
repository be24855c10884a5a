"""What people do, as the app hears of it: the payloads of commands, presses, forms and events."""

from dataclasses import dataclass, field

from sandbox.chat.slack.answers import Json
from sandbox.chat.slack.api import Addresses
from sandbox.chat.slack.mrkdwn import typed
from sandbox.chat.slack.nouns import Channel, Message, Respond, User, View
from sandbox.chat.slack.responding import Responding
from sandbox.chat.slack.socket_mode import EVENTS, Envelope, SocketMode
from sandbox.chat.slack.world import APP, TEAM, Change, World

_VERIFICATION = "sandbox-verification"


@dataclass(slots=True)
class Deeds:
    """Sends them and takes what comes back within acknowledgements. `before`: how many changes there were then."""

    world: World
    mode: SocketMode
    responding: Responding
    addresses: Addresses
    before: int = 0
    _whose: list[tuple[Envelope, User]] = field(default_factory=list)
    _responds: dict[str, Respond] = field(default_factory=dict)
    _views: dict[str, View] = field(default_factory=dict)

    def of(self, user: User) -> list[Envelope]:
        """All that were sent for this person's doings, events left out."""
        return [envelope for envelope, owner in self._whose if owner is user and envelope.kind != EVENTS]

    def command(self, user: User, channel: Channel, name: str, text: str) -> Envelope:
        """A slash command."""
        respond = self.world.respond(user, channel)
        payload = {
            "token": _VERIFICATION,
            "team_id": TEAM,
            "team_domain": "sandbox",
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": user.id,
            "user_name": user.name,
            "command": name,
            "text": typed(text),
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._url(respond),
            "trigger_id": self.world.trigger(user).id,
        }
        return self._send(user, "slash_commands", payload, respond=respond)

    def say(
        self, user: User, channel: Channel, text: str, thread_ts: str = ""
    ) -> tuple[Message, Envelope | None]:
        """A message, and what the app hears of it."""
        message = Message(self.world.ts(), channel.id, user.id, typed(text), thread_ts=thread_ts)
        channel.messages.append(message)
        return message, self._event(user, channel, self._heard_as(channel, text), message.json())

    def edit(self, user: User, channel: Channel, message: Message, text: str) -> Envelope | None:
        """An edited message comes as an event of its own kind."""
        old = message.json()
        message.text, message.edited = typed(text), True
        body = {
            "type": "message",
            "subtype": "message_changed",
            "message": message.json(),
            "previous_message": old,
        }
        kind = "message.im" if channel.person is not None else "message.channels"
        return self._event(user, channel, kind, {**body, "hidden": True, "ts": self.world.ts()})

    def press(
        self, user: User, channel: Channel, message: Message, block: Json, part: Json, label: str
    ) -> Envelope:
        """A button, or an option of a select."""
        respond = self.world.respond(user, channel, message)
        private = bool(message.only_for)
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": private,
        }
        action = {"type": part["type"], "action_id": part["action_id"], "block_id": block["block_id"]}
        payload = {
            **self._interactive(user, "block_actions"),
            "container": container,
            "channel": {"id": channel.id, "name": channel.name},
            "state": {"values": {}},
            "response_url": self._url(respond),
            "actions": [{**action, "action_ts": self.world.ts(), **_pressed(part, label)}],
        }
        if not private:
            payload["message"] = message.json()
        return self._send(user, "interactive", payload, respond=respond)

    def submit(self, user: User, view: View, values: Json) -> Envelope:
        """A modal that is sent; it closes once that is acknowledged, if the answer does not say otherwise."""
        payload = {
            **self._interactive(user, "view_submission"),
            "view": view.json(TEAM, values),
            "response_urls": [],
        }
        return self._send(user, "interactive", payload, view=view)

    def acknowledged(self, envelope: Envelope) -> None:
        """The app's word within an acknowledgement is shown: an answer to a command, errors in a modal."""
        view = self._views.pop(envelope.id, None)
        if view is not None:
            self._answer_view(view, envelope.answer or {})
        elif envelope.id in self._responds and envelope.answer:
            self.responding.put(self._responds[envelope.id], envelope.answer)

    def _answer_view(self, view: View, answer: Json) -> None:
        action = answer.get("response_action")
        if action == "errors":
            told = [f"{block}: {text}" for block, text in answer["errors"].items()]
            view.body = {**view.body, "title": {"type": "plain_text", "text": "; ".join(told)}}
            self.world.happened(Change(view=view))
        elif action in ("update", "push"):
            self.world.change_view(view, answer["view"])
        else:
            view.open = False

    def _event(self, user: User, channel: Channel, kind: str, body: Json) -> Envelope | None:
        """An event, when the app has subscribed to its kind and is there."""
        self.before = len(self.world.changes)
        if kind not in self.world.manifest.events or self.world.bot.id not in channel.members:
            return None
        event = {**body, "channel": channel.id, "event_ts": body["ts"]}
        if kind == "app_mention":
            event["type"] = kind
        else:
            event["channel_type"] = "im" if channel.person is not None else "channel"
        payload = {
            "token": _VERIFICATION,
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": self.world.number("Ev"),
            "event_time": self.world.wall_ms() // 1000,
            "authorizations": [{"team_id": TEAM, "user_id": self.world.bot.id, "is_bot": True}],
        }
        return self._send(user, EVENTS, payload)

    def _heard_as(self, channel: Channel, text: str) -> str:
        if channel.person is not None:
            return "message.im"
        return "app_mention" if f"<@{self.world.bot.id}>" in text else "message.channels"

    def _interactive(self, user: User, kind: str) -> Json:
        return {
            "type": kind,
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM},
            "api_app_id": APP,
            "token": _VERIFICATION,
            "team": {"id": TEAM, "domain": "sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.world.trigger(user).id,
        }

    def _send(
        self, user: User, kind: str, payload: Json, respond: Respond | None = None, view: View | None = None
    ) -> Envelope:
        self.before = len(self.world.changes)
        accepts = kind == "slash_commands" or view is not None
        envelope = self.mode.send(kind, payload, accepts)
        self._whose.append((envelope, user))
        if respond is not None:
            self._responds[envelope.id] = respond
        if view is not None:
            self._views[envelope.id] = view
        return envelope

    def _url(self, respond: Respond) -> str:
        return f"{self.addresses.http}/respond/{respond.key}"


def _pressed(part: Json, label: str) -> Json:
    """What the client sends of the element."""
    if part["type"] == "button":
        made = {"text": part["text"]}
        return made | {name: part[name] for name in ("value", "style") if name in part}
    option = next(one for one in part["options"] if one["text"]["text"] == label)
    return {"selected_option": option}
