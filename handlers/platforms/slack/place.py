"""Where and who, in Slack's ids: channels, threads, people, people of other workspaces."""

from dataclasses import dataclass

from handlers.request import ChatKind

_DIRECT = "D"


@dataclass(frozen=True, slots=True)
class Home:
    """The workspace (and organisation) the app is installed in; user ids are unique only there."""

    team: str = ""
    enterprise: str = ""
    bot_user: str = ""

    def user_id(self, user: str, team: str, enterprise: str = "") -> str:
        """A person's id; one of another workspace carries it in front, so that ids never meet by chance."""
        at_home = not team or team in (self.team, self.enterprise)
        same_house = bool(enterprise) and enterprise == self.enterprise
        return user if at_home or same_house or not self.team else f"{team}.{user}"


@dataclass(frozen=True, slots=True)
class Place:
    """A channel and perhaps a thread of it. A direct message is known by its person, whom the desk writes to."""

    chat_id: str
    kind: ChatKind
    within: tuple[str, ...] = ()


def place_of(channel: str, user_id: str, thread: str, message: str) -> Place:
    """The chat of a message. A message with answers below it names itself as the thread: that is no thread yet."""
    is_direct = channel.startswith(_DIRECT)
    base = user_id if is_direct else channel
    kind = ChatKind.PRIVATE if is_direct else ChatKind.GROUP
    if not thread or thread == message:
        return Place(base, kind)
    return Place(f"{base}/{thread}", kind, (base,))


def split_place(chat_id: str) -> tuple[str, str]:
    """Channel or person, and thread ("" when none); a foreign person's workspace falls away."""
    base, _, thread = chat_id.partition("/")
    return base.rpartition(".")[2], thread


def is_person(channel: str) -> bool:
    """True when an id is a person's."""
    return channel[:1] in ("U", "W")
