"""REST v10: routes, who may call them and how fast, and what each of them does."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.chat.bodies import Upload
from sandbox.chat.discord.answers import Answer, Json, Refused, unknown
from sandbox.chat.discord.command_rules import check_commands
from sandbox.chat.discord.interactions import Interactions
from sandbox.chat.discord.nouns import Channel
from sandbox.chat.discord.rates import (
    COMMANDS,
    DELETES,
    DIRECT,
    EDITS,
    FOLLOW_UPS,
    MESSAGES,
    READS,
    VIA,
    WEBHOOKS,
    Allowance,
    Rates,
)
from sandbox.chat.discord.world import World
from sandbox.chat.pace import Window

_MOST_IN_A_LIST = 100


@dataclass(frozen=True, slots=True)
class Ask:
    """A request below /api/v10/. `body` is an object, lists of commands under "commands"; `places`: its ids."""

    verb: str
    path: str
    query: Mapping[str, str]
    authorization: str
    body: Json | None
    files: Sequence[Upload] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Where it is, what it does, its bucket. Open ones need no bot token and are outside the limit for everything."""

    verb: str
    path: re.Pattern[str]
    deed: Callable[[Ask], Answer]
    allowance: Allowance
    is_open: bool = False


class Rest:
    """Everything a bot may ask over HTTP."""

    def __init__(
        self, world: World, interactions: Interactions, rates: Rates, gateway_url: Callable[[], str]
    ) -> None:
        self._world = world
        self._interactions = interactions
        self._rates = rates
        self._gateway_url = gateway_url
        self._new_commands = Window(world.rules.new_commands_a_day, 86_400.0, rates.seconds)
        self._routes = [
            *self._reads(),
            *self._channel_routes(),
            *self._command_routes(),
            *self._open_routes(),
        ]

    def answer(self, ask: Ask) -> Answer:
        """Carry it out, within the limits."""
        banned = self._rates.banned()
        if banned is not None:
            return banned
        try:
            answer = self._limited(ask)
        except Refused as refusal:
            answer = refusal.answer()
        self._rates.count(answer.status)
        return Answer(answer.body, answer.status, {**VIA, **answer.headers})

    def _limited(self, ask: Ask) -> Answer:
        route, places = self._find(ask)
        if not route.is_open:
            if not self._world.token or ask.authorization != f"Bot {self._world.token}":
                return Answer({"message": "401: Unauthorized", "code": 0}, 401)
            over = self._rates.over_all()
            if over is not None:
                return over
        place = places[0] if places else ""
        over = self._rates.over(route.allowance, place)
        if over is not None:
            return over
        headers = self._rates.headers(route.allowance, place)
        if ask.body is None:
            raise Refused(400, 50109, "The request body contains invalid JSON.")
        try:
            answer = route.deed(
                Ask(ask.verb, ask.path, ask.query, ask.authorization, ask.body, ask.files, places)
            )
        except Refused as refusal:
            refusal.headers.update(headers)
            raise
        return Answer(answer.body, answer.status, {**headers, **answer.headers})

    def _find(self, ask: Ask) -> tuple[Route, tuple[str, ...]]:
        matching = [(route, found) for route in self._routes if (found := route.path.fullmatch(ask.path))]
        for route, found in matching:
            if route.verb == ask.verb:
                return route, found.groups()
        if matching:
            raise Refused(405, 0, "405: Method Not Allowed")
        raise Refused(404, 0, "404: Not Found")

    def _reads(self) -> list[Route]:
        world = self._world
        about = {**_APPLICATION, "id": world.application_id, "name": world.bot.name}
        return [
            _route("GET users/@me", lambda ask: Answer(world.bot.json()), READS),
            _route("GET users/ID", self._user, READS),
            _route(
                "GET oauth2/applications/@me", lambda ask: Answer({**about, "owner": world.bot.json()}), READS
            ),
            _route("GET gateway", lambda ask: Answer({"url": self._gateway_url()}), READS, is_open=True),
            _route("GET gateway/bot", self._gateway, READS),
            _route("GET channels/ID", lambda ask: Answer(world.channel(ask.places[0]).json()), READS),
        ]

    def _channel_routes(self) -> list[Route]:
        return [
            _route("POST users/@me/channels", self._direct, DIRECT),
            _route("POST channels/ID/messages", self._send, MESSAGES),
            _route("GET channels/ID/messages", self._list, READS),
            _route("GET channels/ID/messages/ID", self._message, READS),
            _route("PATCH channels/ID/messages/ID", self._edit, EDITS),
            _route("DELETE channels/ID/messages/ID", self._delete, DELETES),
            _route("POST channels/ID/threads", self._thread, DIRECT),
            _route("POST channels/ID/typing", lambda ask: Answer(None, 204), DIRECT),
        ]

    def _command_routes(self) -> list[Route]:
        return [
            _route("PUT applications/ID/commands", self._register, COMMANDS),
            _route("GET applications/ID/commands", self._registered, READS),
            _route("PUT applications/ID/guilds/ID/commands", self._register, COMMANDS),
            _route("GET applications/ID/guilds/ID/commands", self._registered, READS),
        ]

    def _open_routes(self) -> list[Route]:
        own = "webhooks/ID/TOKEN/messages/@original"
        other = "webhooks/ID/TOKEN/messages/ID"
        routes = [
            ("POST interactions/ID/TOKEN/callback", self._callback, READS),
            ("GET webhooks/ID/TOKEN", self._webhook, READS),
            ("POST webhooks/ID/TOKEN", self._execute, WEBHOOKS),
            (f"GET {own}", lambda ask: Answer(self._interactions.original(ask.places[1]).json()), READS),
            (f"PATCH {own}", self._edit_original, FOLLOW_UPS),
            (f"DELETE {own}", self._delete_original, FOLLOW_UPS),
            (f"PATCH {other}", self._edit_followed, FOLLOW_UPS),
            (f"DELETE {other}", self._delete_followed, FOLLOW_UPS),
        ]
        return [_route(where, deed, allowance, is_open=True) for where, deed, allowance in routes]

    def _user(self, ask: Ask) -> Answer:
        if ask.places[0] not in self._world.users:
            raise unknown(10013, "User")
        return Answer(self._world.users[ask.places[0]].json())

    def _gateway(self, ask: Ask) -> Answer:
        starts = {
            "total": self._world.rules.identifies_a_day,
            "remaining": 1,
            "reset_after": 0,
            "max_concurrency": 1,
        }
        return Answer({"url": self._gateway_url(), "shards": 1, "session_start_limit": starts})

    def _direct(self, ask: Ask) -> Answer:
        user = self._world.users.get(str(_body(ask).get("recipient_id")))
        if user is None or user.bot:
            raise unknown(10013, "User")
        return Answer(self._world.direct(user).json())

    def _writable(self, ask: Ask) -> Channel:
        channel = self._world.channel(ask.places[0])
        if channel.recipient is not None and not channel.recipient.takes_dms:
            raise Refused(403, 50007, "Cannot send messages to this user")
        if not channel.writable:
            raise Refused(403, 50013, "Missing Permissions")
        return channel

    def _send(self, ask: Ask) -> Answer:
        return Answer(self._world.write(self._writable(ask), _body(ask), ask.files).json())

    def _list(self, ask: Ask) -> Answer:
        channel = self._world.channel(ask.places[0])
        limit = int(ask.query.get("limit", "50"))
        shown = [one.json() for one in channel.messages if not one.gone and one.only_for is None]
        return Answer(shown[::-1][: min(limit, _MOST_IN_A_LIST)])

    def _message(self, ask: Ask) -> Answer:
        channel = self._world.channel(ask.places[0])
        return Answer(self._world.message(channel, ask.places[1]).json())

    def _edit(self, ask: Ask) -> Answer:
        message = self._world.message(self._world.channel(ask.places[0]), ask.places[1])
        if message.author_id != self._world.bot.id:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        return Answer(self._world.change(message, _body(ask), ask.files).json())

    def _delete(self, ask: Ask) -> Answer:
        message = self._world.message(self._world.channel(ask.places[0]), ask.places[1])
        if message.author_id != self._world.bot.id:
            raise Refused(403, 50013, "Missing Permissions")
        self._world.remove(message)
        return Answer(None, 204)

    def _thread(self, ask: Ask) -> Answer:
        channel = self._writable(ask)
        guild = self._world.guilds.get(channel.guild_id or "")
        name = _body(ask).get("name")
        if guild is None or not isinstance(name, str) or not 1 <= len(name) <= 100:
            raise Refused(400, 50035, "Invalid Form Body")
        return Answer(self._world.add_channel(guild, name, channel).json(), 201)

    def _register(self, ask: Ask) -> Answer:
        """All commands at once, in place of those that were registered; names that stay keep their ids."""
        guild = self._scope(ask)
        given = _body(ask).get("commands")
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise Refused(400, 50035, "Invalid Form Body")
        check_commands(given)
        known = {one["name"]: one["id"] for one in self._world.commands.get(guild, [])}
        for name in {one["name"] for one in given} - set(known):
            if self._new_commands.take():
                raise Refused(
                    429, 30034, "Max number of daily application command creates has been reached (200)"
                )
            known[name] = self._world.ids.next()
        self._world.commands[guild] = [self._stored(one, known[one["name"]], guild) for one in given]
        return self._registered(ask)

    def _registered(self, ask: Ask) -> Answer:
        return Answer(self._world.commands.get(self._scope(ask), []))

    def _stored(self, command: Json, number: str, guild: str | None) -> Json:
        whose = {
            "id": number,
            "application_id": self._world.application_id,
            "version": self._world.ids.next(),
        }
        return {"type": 1, **command, **whose, **({"guild_id": guild} if guild else {})}

    def _scope(self, ask: Ask) -> str | None:
        """The guild, None for everywhere; only the bot's own application."""
        application, *guild = ask.places
        if application != self._world.application_id:
            raise Refused(403, 20012, "You are not authorized to perform this action on this application")
        if guild and guild[0] not in self._world.guilds:
            raise Refused(403, 50001, "Missing Access")
        return guild[0] if guild else None

    def _callback(self, ask: Ask) -> Answer:
        full = ask.query.get("with_response", "") in ("1", "true")
        return self._interactions.callback(ask.places[0], ask.places[1], _body(ask), ask.files, full)

    def _webhook(self, ask: Ask) -> Answer:
        own, token = ask.places
        channel = self._world.channels[self._incoming(own, token)]
        return Answer(
            {"id": own, "type": 1, "token": token, "channel_id": channel.id, "guild_id": channel.guild_id}
        )

    def _execute(self, ask: Ask) -> Answer:
        """A follow-up of an interaction, or a message of an incoming webhook."""
        own, token = ask.places
        if own == self._world.application_id and self._interactions.has(token):
            return Answer(self._interactions.follow_up(token, _body(ask), ask.files).json())
        channel = self._world.channels[self._incoming(own, token)]
        body = _body(ask)
        name = str(body.get("username") or "webhook")
        author = {"id": own, "username": name, "discriminator": "0000", "avatar": None, "bot": True}
        message = self._world.write(channel, body, ask.files, author=author)
        return Answer(message.json()) if ask.query.get("wait") in ("1", "true") else Answer(None, 204)

    def _incoming(self, own: str, token: str) -> str:
        found = self._world.webhooks.get((own, token))
        if found is None:
            known = (
                any(number == own for number, _ in self._world.webhooks) or own == self._world.application_id
            )
            raise Refused(401, 50027, "Invalid Webhook Token") if known else unknown(10015, "Webhook")
        return found

    def _edit_original(self, ask: Ask) -> Answer:
        message = self._interactions.original(ask.places[1])
        return Answer(self._world.change(message, _body(ask), ask.files).json())

    def _delete_original(self, ask: Ask) -> Answer:
        self._world.remove(self._interactions.original(ask.places[1]))
        return Answer(None, 204)

    def _edit_followed(self, ask: Ask) -> Answer:
        message = self._interactions.followed(ask.places[1], ask.places[2])
        return Answer(self._world.change(message, _body(ask), ask.files).json())

    def _delete_followed(self, ask: Ask) -> Answer:
        self._world.remove(self._interactions.followed(ask.places[1], ask.places[2]))
        return Answer(None, 204)


_APPLICATION: Json = {
    "description": "",
    "icon": None,
    "rpc_origins": None,
    "bot_public": False,
    "bot_require_code_grant": False,
    "summary": "",
    "verify_key": "",
    "team": None,
    "flags": 0,
}


def _route(where: str, deed: Callable[[Ask], Answer], allowance: Allowance, is_open: bool = False) -> Route:
    """`where` is "VERB path" with ID and TOKEN for what varies."""
    verb, _, path = where.partition(" ")
    pattern = path.replace("ID", r"(\d+)").replace("TOKEN", r"([^/]+)")
    return Route(verb, re.compile(pattern), deed, allowance, is_open)


def _body(ask: Ask) -> Json:
    return ask.body or {}
