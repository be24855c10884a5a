"""Answering interactions: in time, where they were asked, seen by those who may see it, told whatever happens.

Discord wants a first response within three seconds and takes more for fifteen minutes. What does not go through in that
way is sent as an ordinary message: into the channel, or to the asker alone when it is not for others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord import Interaction, InteractionType

from handlers.insisting import insisted
from handlers.placing import Placed, unplaced
from handlers.platforms.discord.render import Outgoing
from handlers.reply import Reply
from handlers.text import mask

log = logging.getLogger(__name__)
SEND_WITHIN_S = 45.0
ALONE = "Answered to the asker alone"

type Prepared = tuple[Reply, list[Outgoing]]
type Elsewhere = Callable[[str, Reply, list[Outgoing]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Answering:
    """Gives answers. `elsewhere` sends to a channel or person (by id) and raises PlatformDown; `within_s` is when
    Discord has to be told to wait."""

    elsewhere: Elsewhere
    placed: Placed = unplaced
    within_s: float = 2.0

    async def answer(
        self, interaction: Interaction, work: Awaitable[Prepared | None], private: bool, may_wait: bool
    ) -> None:
        """Answer with what `work` brings; when it takes long, Discord is told to wait. None is no answer at all."""
        task = asyncio.ensure_future(work)
        await asyncio.wait({task}, timeout=self.within_s)
        waits = not task.done() and may_wait
        if waits:
            await _defer(interaction, private)
        prepared = await task
        if prepared is not None:
            await self._tell(interaction, prepared, private)
        elif waits and interaction.type is InteractionType.application_command:
            await quietly(interaction.delete_original_response())

    async def _tell(self, interaction: Interaction, prepared: Prepared, private: bool) -> None:
        reply, left = prepared[0], list(prepared[1])
        alone = private or reply.private or not reply.ok
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._respond(interaction, reply, left, alone)
        except Exception as error:  # noqa: BLE001 (the library lets its transport's errors through; it is told another way)
            log.warning("Discord did not take the answer to %s: %s", reply.name, mask(str(error)))
            await self._another_way(interaction, reply, left, alone)

    async def _respond(
        self, interaction: Interaction, reply: Reply, left: list[Outgoing], alone: bool
    ) -> None:
        """All messages in order; `left` keeps those that are not out yet."""
        if reply.private and _waits_openly(interaction):
            await interaction.edit_original_response(embed=discord.Embed(title=ALONE))
        self._note(reply, left[0], await _first(interaction, reply, left[0], alone))
        left.pop(0)
        while left:
            sent: Any = await interaction.followup.send(**left[0].arguments(alone), wait=True)
            self._note(reply, left.pop(0), str(sent.id))

    async def _another_way(
        self, interaction: Interaction, reply: Reply, left: list[Outgoing], alone: bool
    ) -> None:
        """The outcome must be told even when the interaction has gone; a refusal may be lost with it."""
        if not reply.ok and not reply.private:
            return
        place = str(interaction.user.id if alone or not interaction.guild_id else interaction.channel_id)
        await insisted(lambda: self.elsewhere(place, reply, left), f"Discord: the answer to /{reply.name}")

    def _note(self, reply: Reply, outgoing: Outgoing, message_id: str) -> None:
        note(self.placed, reply, outgoing, message_id)


def note(placed: Placed, reply: Reply, outgoing: Outgoing, message_id: str) -> None:
    """Tell where the buttons of one message are."""
    if outgoing.buttons:
        placed(replace(reply, buttons=outgoing.buttons), message_id)


def is_press(interaction: Interaction) -> bool:
    """True when the interaction came from a message: a button, a menu, the dialog box of a button."""
    return interaction.type is not InteractionType.application_command and interaction.message is not None


async def quietly(call: Awaitable[object]) -> None:
    """Do what may fail without harm."""
    try:
        await call
    except discord.HTTPException as error:
        log.info("Discord: %s", mask(str(error)))


def _waits_openly(interaction: Interaction) -> bool:
    """True when everybody sees that the bot is thinking."""
    return (
        interaction.response.type is discord.InteractionResponseType.deferred_channel_message
        and "ephemeral" not in interaction.extras
    )


def _is_open(interaction: Interaction) -> bool:
    """True when others see the message that was pressed."""
    message = interaction.message
    return interaction.guild_id is not None and message is not None and not message.flags.ephemeral


async def _defer(interaction: Interaction, private: bool) -> None:
    try:
        if is_press(interaction):
            await interaction.response.defer()
        else:
            interaction.extras.update({"ephemeral": True} if private else {})
            await interaction.response.defer(ephemeral=private, thinking=True)
    except (discord.DiscordException, OSError) as error:
        log.warning("Discord: too late to ask for time: %s", mask(str(error)))


async def _first(interaction: Interaction, reply: Reply, outgoing: Outgoing, alone: bool) -> str:
    """The response proper: in place of a card, into the place kept for it, or as a new message. Answers its id."""
    is_late = interaction.response.is_done()
    if reply.in_place and is_press(interaction) and not (reply.private and _is_open(interaction)):
        edit = interaction.edit_original_response if is_late else interaction.response.edit_message
        await edit(**outgoing.changes())
        return str(interaction.message.id) if interaction.message else ""
    if is_late:
        sent: Any = await interaction.followup.send(**outgoing.arguments(alone), wait=True)
        return str(sent.id)
    made = await interaction.response.send_message(**outgoing.arguments(alone))
    return str(made.message_id or "")
