"""The web methods: who may call them, how fast, and what each of them does."""

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from sandbox.chat.slack.answers import Answer, Json, Refused
from sandbox.chat.slack.nouns import Channel, File, User, View
from sandbox.chat.slack.socket_mode import SocketMode
from sandbox.chat.slack.tiers import TIERS, Tiers
from sandbox.chat.slack.world import TEAM, World

_JSON = frozenset({"blocks", "view", "files", "metadata"})
OPEN = "apps.connections.open"


@dataclass(slots=True)
class Addresses:
    """Where the sandbox listens, known once it does."""

    http: str = ""

    @property
    def socket(self) -> str:
        """Where websockets dial."""
        return self.http.replace("http", "ws", 1)


@dataclass(slots=True)
class Api:
    """Everything below /api/. `bot_token` (xoxb) for all methods but the one that opens connections (xapp)."""

    world: World
    mode: SocketMode
    tiers: Tiers
    bot_token: str
    app_token: str
    addresses: Addresses = field(default_factory=Addresses)

    def answer(self, method: str, token: str, body: Json | None) -> Answer:
        """Carry it out, within the limits."""
        try:
            self._admit(method, token)
            if body is None:
                raise Refused("invalid_json")
            return Answer({"ok": True, **self._methods()[method](_read(body))})
        except Refused as refusal:
            return refusal.answer()

    def _admit(self, method: str, token: str) -> None:
        """Known method, right token, within its tier."""
        if method not in TIERS and method != OPEN:
            raise Refused("unknown_method")
        if not token:
            raise Refused("not_authed")
        if token not in (self.bot_token, self.app_token):
            raise Refused("invalid_auth")
        if (token == self.app_token) != (method == OPEN):
            raise Refused("not_allowed_token_type")
        self.tiers.take(method)

    def _methods(self) -> dict[str, Callable[[Json], Json]]:
        return {
            OPEN: self._open,
            "auth.test": self._auth,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.open": self._direct,
            "conversations.info": lambda body: {"channel": self._known(body.get("channel")).json()},
            "users.info": lambda body: {"user": self._user(body.get("user")).json(TEAM)},
            "views.open": self._view,
            "views.update": self._update_view,
            "files.getUploadURLExternal": self._upload,
            "files.completeUploadExternal": self._complete,
        }

    def _open(self, body: Json) -> Json:
        return {"url": f"{self.addresses.socket}/link/?ticket={self.mode.ticket()}&app_id=A0"}

    def _auth(self, body: Json) -> Json:
        about = {"url": "https://sandbox.invalid/", "team": "sandbox", "user": self.world.bot.name}
        return {
            **about,
            "team_id": TEAM,
            "user_id": self.world.bot.id,
            "bot_id": "B0",
            "is_enterprise_install": False,
        }

    def _post(self, body: Json) -> Json:
        channel = self.world.channel(body.get("channel"))
        thread = body.get("thread_ts")
        if thread and not any(one.ts == thread and not one.gone for one in channel.messages):
            raise Refused("thread_not_found")
        self.tiers.post(channel.id)
        message = self.world.write(channel, body)
        return {"channel": channel.id, "ts": message.ts, "message": message.json()}

    def _post_ephemeral(self, body: Json) -> Json:
        channel = self.world.channel(body.get("channel"))
        user = self._user(body.get("user"))
        if user.id not in channel.members:
            raise Refused("user_not_in_channel")
        return {"message_ts": self.world.write(channel, body, only_for=user.id).ts}

    def _update(self, body: Json) -> Json:
        channel = self.world.channel(body.get("channel"))
        message = self.world.message(channel, body.get("ts"))
        if message.user_id != self.world.bot.id:
            raise Refused("cant_update_message")
        self.world.change(message, body)
        return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.json()}

    def _delete(self, body: Json) -> Json:
        channel = self.world.channel(body.get("channel"))
        message = self.world.message(channel, body.get("ts"))
        if message.user_id != self.world.bot.id:
            raise Refused("cant_delete_message")
        self.world.remove(message)
        return {"channel": channel.id, "ts": message.ts}

    def _direct(self, body: Json) -> Json:
        named = str(body.get("users") or "").split(",")
        if len(named) != 1 or not named[0]:
            raise Refused("invalid_arguments", ["[ERROR] the sandbox opens direct messages with one person"])
        return {"channel": {"id": self.world.direct(self._user(named[0])).id}}

    def _known(self, number: object) -> Channel:
        if not isinstance(number, str) or number not in self.world.channels:
            raise Refused("channel_not_found")
        return self.world.channels[number]

    def _user(self, number: object) -> User:
        if not isinstance(number, str) or number not in self.world.users:
            raise Refused("user_not_found")
        return self.world.users[number]

    def _view(self, body: Json) -> Json:
        return {"view": self.world.open_view(body.get("trigger_id"), body.get("view")).json(TEAM)}

    def _update_view(self, body: Json) -> Json:
        view = self._found_view(body)
        if not view.open:
            raise Refused("not_found")
        if body.get("hash") not in (None, view.hash):
            raise Refused("hash_conflict")
        return {"view": self.world.change_view(view, body.get("view")).json(TEAM)}

    def _found_view(self, body: Json) -> View:
        for view in self.world.views.values():
            own = body.get("external_id")
            if view.id == body.get("view_id") or (own and view.body.get("external_id") == own):
                return view
        raise Refused("not_found")

    def _upload(self, body: Json) -> Json:
        name, length = str(body.get("filename") or ""), str(body.get("length") or "")
        if not name or not length.isdecimal() or int(length) < 1:
            raise Refused("invalid_arguments", ["[ERROR] filename and length are required"])
        file = File(self.world.number("F"), name, int(length))
        self.world.files[file.id] = file
        return {"upload_url": f"{self.addresses.http}/upload/{file.id}", "file_id": file.id}

    def _complete(self, body: Json) -> Json:
        """The files become a message when a channel is named."""
        named = body.get("files")
        rows = named if isinstance(named, list) else []
        files = [self.world.files.get(str(row.get("id"))) for row in rows if isinstance(row, dict)]
        ready = [file for file in files if file is not None and file.content is not None and not file.done]
        if not ready or len(ready) != len(rows):
            raise Refused("file_not_found" if rows else "invalid_arguments")
        if body.get("channel_id"):
            channel = self.world.channel(body["channel_id"])
            said = {"text": body.get("initial_comment") or "", "thread_ts": body.get("thread_ts")}
            self.world.write(channel, said, files=ready)
        for file in ready:
            file.done = True
        return {"files": [{"id": file.id, "title": file.name, "name": file.name} for file in ready]}


def _read(body: Json) -> Json:
    """Forms carry some arguments as JSON."""
    return {name: _decoded(name, value) for name, value in body.items()}


def _decoded(name: str, value: object) -> object:
    if name not in _JSON or not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from error
