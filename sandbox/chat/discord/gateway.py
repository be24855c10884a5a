"""The gateway: sessions that outlive their sockets, events numbered and kept for a resume, and its ways to hang up."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.chat.discord.answers import Json
from sandbox.chat.discord.interactions import member_json
from sandbox.chat.discord.nouns import ChannelKind, Guild
from sandbox.chat.discord.rules import ALL_INTENTS
from sandbox.chat.discord.world import World
from sandbox.chat.pace import Seconds, Window
from sandbox.chat.wire import Wire

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
_QUIET = frozenset({3, 4, 8, 31, 43})
"""Operations of clients that change nothing here: presence, voice, members, soundboard, channel statistics."""
_FRAME = 4096
_INTENTS = {
    "GUILD_CREATE": 1 << 0,
    "CHANNEL_CREATE": 1 << 0,
    "THREAD_CREATE": 1 << 0,
    "MESSAGE_CREATE": 1 << 9,
    "MESSAGE_UPDATE": 1 << 9,
    "MESSAGE_DELETE": 1 << 9,
}
_DIRECT_MESSAGES = 1 << 12
_CONTENT = 1 << 15
_LISTS = (
    "emojis",
    "stickers",
    "features",
    "voice_states",
    "presences",
    "stage_instances",
    "guild_scheduled_events",
)


@dataclass(slots=True)
class Session:
    """What a bot may resume. `events` are all that were sent to it or wait for it, numbered from 1."""

    id: str
    token: str
    intents: int
    events: list[Json] = field(default_factory=list)
    link: "Link | None" = None
    left_at_s: float | None = None


@dataclass(slots=True)
class Link:
    """One connection; `heard_at_s` is its last heartbeat."""

    wire: Wire
    frames: Window
    heard_at_s: float
    session: Session | None = None
    closed: bool = False

    def send(self, op: int, body: object = None) -> None:
        """A frame that is no event."""
        self.wire.send({"op": op, "d": body, "s": None, "t": None})

    def close(self, code: int) -> None:
        """Hang up."""
        self.closed = True
        self.wire.close(code)


class Gateway:
    """All sessions of the bot. `resume_url` is what READY names; `identifies` counts logins of the last 24 hours."""

    def __init__(self, world: World, seconds: Seconds) -> None:
        self._world = world
        self._seconds = seconds
        self._rules = world.rules
        self.resume_url = ""
        self.sessions: dict[str, Session] = {}
        self.links: list[Link] = []
        self.identified: list[Json] = []
        self.resumed: list[str] = []
        self.closes: list[int] = []
        self._day = Window(self._rules.identifies_a_day, 86_400.0, seconds)
        self._pace = Window(1, self._rules.identify_every_s, seconds)
        world.publish = self.publish

    @property
    def is_connected(self) -> bool:
        """Whether a session listens right now."""
        return any(session.link is not None for session in self.sessions.values())

    def open(self, wire: Wire) -> Link:
        """A client has connected."""
        link = Link(wire, Window(self._rules.frames_a_minute, 60.0, self._seconds), self._seconds())
        self.links.append(link)
        link.send(HELLO, {"heartbeat_interval": int(self._rules.heartbeat_s * 1000)})
        return link

    def gone(self, link: Link, code: int | None) -> None:
        """The connection is over; 1000 and 1001 end the session, anything else can be resumed."""
        self.links = [one for one in self.links if one is not link]
        session = link.session
        if session is None or session.link is not link:
            return
        session.link, session.left_at_s = None, self._seconds()
        if code in (1000, 1001) and not link.closed:
            self.sessions.pop(session.id, None)
        self._world.bell.ring()

    def heard(self, link: Link, frame: object, size: int) -> None:
        """A frame of the client."""
        if link.closed:
            return
        code = self._hear(link, frame, size)
        if code:
            self.closes.append(code)
            link.close(code)

    def beat(self, link: Link) -> None:
        """Ask for a heartbeat; who has sent none for two intervals is cut off (4009)."""
        if self._seconds() - link.heard_at_s > 2 * self._rules.heartbeat_s:
            self.closes.append(4009)
            link.close(4009)
        elif not link.closed:
            link.send(HEARTBEAT)

    def publish(self, name: str, body: Json, guild_id: str | None) -> None:
        """An event for every session whose intents cover it; those without a socket get it when they resume."""
        for session in list(self.sessions.values()):
            if self._covers(session, name, guild_id):
                self._event(session, name, self._cleared(session, name, body))
        self._world.bell.ring()

    def reconnect(self) -> None:
        """Op 7: please come again; the session stays."""
        self._all(lambda link: link.send(RECONNECT))

    def invalidate(self, resumable: bool) -> None:
        """Op 9: with False the sessions and what they missed are gone."""
        self._all(lambda link: link.send(INVALID, resumable))
        if not resumable:
            self.sessions.clear()

    def drop(self, code: int) -> None:
        """Hang up on everybody with this code, for example 4000."""
        self._all(lambda link: link.close(code))

    def _all(self, deed: Callable[[Link], None]) -> None:
        for link in list(self.links):
            deed(link)

    def _hear(self, link: Link, frame: object, size: int) -> int:
        """0, or the code to hang up with."""
        if size > _FRAME or not isinstance(frame, dict) or not isinstance(frame.get("op"), int):
            return 4002
        if link.frames.take():
            return 4008
        op, body = frame["op"], frame.get("d")
        if op == HEARTBEAT:
            link.heard_at_s = self._seconds()
            link.send(ACK)
            return 0
        if op in (IDENTIFY, RESUME):
            if link.session is not None:
                return 4005
            if not isinstance(body, dict):
                return 4002
            return self._identify(link, body) if op == IDENTIFY else self._resume(link, body)
        if op not in _QUIET:
            return 4001
        return 0 if link.session is not None else 4003

    def _identify(self, link: Link, body: Json) -> int:
        """A new session. Too many a day cost the token; more than one in five seconds is told to try again (op 9)."""
        self.identified.append({**body, "token": "(hidden)"})
        if self._day.take():
            self._world.token = ""
        if not self._world.token or body.get("token") != self._world.token:
            return 4004
        intents = body.get("intents")
        if not isinstance(intents, int) or intents & ~ALL_INTENTS:
            return 4013
        if intents & ~self._rules.allowed_intents:
            return 4014
        if body.get("shard") not in (None, [0, 1]):
            return 4010
        if self._rules.identify_every_s and self._pace.take():
            link.send(INVALID, False)
            return 0
        self._ready(link, intents)
        return 0

    def _ready(self, link: Link, intents: int) -> None:
        session = Session(f"session-{len(self.identified)}", self._world.token, intents, link=link)
        self.sessions[session.id] = session
        link.session = session
        body = {
            "v": 10,
            "user": self._world.bot.json(),
            "guilds": [{"id": guild, "unavailable": True} for guild in self._world.guilds],
            "session_id": session.id,
            "resume_gateway_url": self.resume_url,
            "application": {"id": self._world.application_id, "flags": 0},
        }
        self._event(session, "READY", body)
        for guild in self._world.guilds.values():
            if self._covers(session, "GUILD_CREATE", guild.id):
                self._event(session, "GUILD_CREATE", guild_json(self._world, guild))
        self._world.bell.ring()

    def _resume(self, link: Link, body: Json) -> int:
        """Replay what was missed, in order; a session that is unknown or too old gets op 9 and has to log in anew."""
        if body.get("token") != self._world.token or not self._world.token:
            return 4004
        session, sequence = self.sessions.get(str(body.get("session_id"))), body.get("seq")
        if session is None or self._is_stale(session):
            link.send(INVALID, False)
            return 0
        if not isinstance(sequence, int) or not 0 <= sequence <= len(session.events):
            return 4007
        if session.link is not None:
            session.link.close(4000)
        session.link, session.left_at_s, link.session = link, None, session
        for frame in session.events[sequence:]:
            link.wire.send(frame)
        self.resumed.append(session.id)
        self._event(session, "RESUMED", {})
        self._world.bell.ring()
        return 0

    def _is_stale(self, session: Session) -> bool:
        left = session.left_at_s
        return left is not None and self._seconds() - left > self._rules.resume_within_s

    def _event(self, session: Session, name: str, body: Json) -> None:
        frame: Json = {"op": DISPATCH, "d": body, "s": len(session.events) + 1, "t": name}
        session.events.append(frame)
        if session.link is not None and not session.link.closed:
            session.link.wire.send(frame)

    def _covers(self, session: Session, name: str, guild_id: str | None) -> bool:
        """Interactions need no intent."""
        needed = _INTENTS.get(name, 0)
        if name.startswith("MESSAGE") and guild_id is None:
            needed = _DIRECT_MESSAGES
        return not needed or bool(session.intents & needed)

    def _cleared(self, session: Session, name: str, body: Json) -> Json:
        """Without the privileged intent others' messages in guilds come without their content."""
        if not name.startswith("MESSAGE_") or "author" not in body or session.intents & _CONTENT:
            return body
        own, named = body["author"]["id"] == self._world.bot.id, f"<@{self._world.bot.id}>" in body["content"]
        if own or named or body.get("guild_id") is None:
            return body
        return {**body, "content": "", "embeds": [], "attachments": [], "components": []}


def guild_json(world: World, guild: Guild) -> Json:
    """GUILD_CREATE: all of a guild."""
    channels = [one for one in world.channels.values() if one.guild_id == guild.id]
    roles = {guild.id: "@everyone", **guild.roles}
    base = {"permissions": str((1 << 50) - 1), "position": 0, "color": 0, "hoist": False, "managed": False}
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    more = {"mentionable": False, "flags": 0, "colors": colours, "icon": None, "unicode_emoji": None}
    return {
        "id": guild.id,
        "name": guild.name,
        "owner_id": "1",
        "roles": [{"id": own, "name": name, **base, **more} for own, name in roles.items()],
        "channels": [one.json() for one in channels if one.kind is ChannelKind.TEXT],
        "threads": [one.json() for one in channels if one.kind is ChannelKind.THREAD],
        "members": [member_json(world.users[own], held) for own, held in guild.members.items()],
        **{name: [] for name in _LISTS},
        **dict.fromkeys(
            ("verification_level", "default_message_notifications", "explicit_content_filter"), 0
        ),
        **dict.fromkeys(
            ("mfa_level", "nsfw_level", "premium_tier", "afk_timeout", "system_channel_flags"), 0
        ),
        "member_count": len(guild.members),
        "preferred_locale": "en-US",
        "large": False,
        "unavailable": False,
    }
