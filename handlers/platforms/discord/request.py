"""Discord's interactions as requests."""

from collections.abc import Mapping

from discord import Interaction, Thread
from discord.utils import snowflake_time

from handlers.legible import number
from handlers.request import ChatKind, Request, RequestKind

PAGE_ROWS = 25


def slash_request(interaction: Interaction, command: str, arguments: Mapping[str, str]) -> Request:
    """A slash command with its options."""
    return _request(interaction, RequestKind.SLASH, command=command, arguments=arguments)


def press_request(interaction: Interaction, button: str) -> Request:
    """A pressed button, or a choice in a menu."""
    return _request(interaction, RequestKind.BUTTON, button=button)


def dialog_request(interaction: Interaction, button: str, text: str) -> Request:
    """A filled dialog box: of a button, or with a line by itself."""
    if not button:
        return _request(interaction, RequestKind.TEXT, text=text)
    return _request(interaction, RequestKind.MODAL, button=button, text=text)


def _request(
    interaction: Interaction,
    kind: RequestKind,
    command: str = "",
    arguments: Mapping[str, str] | None = None,
    button: str = "",
    text: str = "",
) -> Request:
    """The interaction's id says when it was made: after a resume Discord may replay old ones.

    A private chat is known by its person, since that is whom the desk writes to.
    """
    return Request(
        platform="discord",
        user_id=number(interaction.user.id),
        user_name=interaction.user.display_name,
        chat_id=number(interaction.channel_id if interaction.guild_id else interaction.user.id),
        chat_kind=ChatKind.GROUP if interaction.guild_id else ChatKind.PRIVATE,
        kind=kind,
        sent_at_ms=int(snowflake_time(interaction.id).timestamp() * 1000),
        update_id=number(interaction.id),
        text=text,
        command=command,
        arguments=arguments or {},
        button=button,
        message_id=str(interaction.message.id) if interaction.message else "",
        within=_within(interaction),
        page_rows=PAGE_ROWS,
        from_bot=interaction.user.bot,
    )


def _within(interaction: Interaction) -> tuple[str, ...]:
    """The guild, and a thread's channel."""
    places = [interaction.guild_id]
    if isinstance(interaction.channel, Thread):
        places.append(interaction.channel.parent_id)
    return tuple(str(place) for place in places if place)
