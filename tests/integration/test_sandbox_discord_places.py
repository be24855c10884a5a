"""Threads, private messages, selects, named users, forms in their newer layout, deliveries that come twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from discord import Interaction, app_commands
from discord_house import TOKEN, DiscordHouse, discord_house, pointed, until
from virtual_loop import virtually

from sandbox.chat.discord import Impossible


class Symbols(discord.ui.View):
    @discord.ui.select(
        custom_id="symbol",
        placeholder="Which?",
        options=[
            discord.SelectOption(label="Ripple", value="XRP"),
            discord.SelectOption(label="Bitcoin", value="BTC"),
        ],
    )
    async def chosen(self, interaction: Interaction, select: Any) -> None:
        await interaction.response.send_message(f"chose {select.values[0]}")


class Limit(discord.ui.Modal, title="Limit"):
    amount: discord.ui.Label["Limit"] = discord.ui.Label(
        text="Amount", component=discord.ui.TextInput(custom_id="amount", min_length=2, default="10")
    )

    async def on_submit(self, interaction: Interaction) -> None:
        entered: Any = self.amount.component
        await interaction.response.send_message(f"limit {entered.value}")


class Everywhere(discord.Client):
    """A bot whose commands are offered everywhere; `heard`: where each was asked."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True))
        self.tree: app_commands.CommandTree[Any] = app_commands.CommandTree(self)
        self.heard: list[str] = []
        for one in (self.where(), self.who(), self.pick(), self.limit()):
            self.tree.add_command(one)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    def where(self) -> Any:
        @app_commands.command(description="where")
        async def where(interaction: Interaction) -> None:
            place = interaction.channel
            parent = place.parent_id if isinstance(place, discord.Thread) else None
            self.heard.append(f"{type(place).__name__} {parent} {interaction.guild_id}")
            await interaction.response.send_message("here")

        return where

    def who(self) -> Any:
        @app_commands.command(description="who")
        async def who(interaction: Interaction, user: discord.User) -> None:
            await interaction.response.send_message(f"{user.name} {user.id}")

        return who

    def pick(self) -> Any:
        @app_commands.command(description="pick")
        async def pick(interaction: Interaction) -> None:
            await interaction.response.send_message("pick", view=Symbols(timeout=None))

        return pick

    def limit(self) -> Any:
        @app_commands.command(description="limit")
        async def limit(interaction: Interaction) -> None:
            await interaction.response.send_modal(Limit())

        return limit


@asynccontextmanager
async def everywhere() -> AsyncIterator[tuple[DiscordHouse, Everywhere]]:
    async with discord_house() as house, pointed(house.discord):
        bot = Everywhere()
        task = asyncio.create_task(bot.start(TOKEN))
        try:
            await until(bot.is_ready)
            yield house, bot
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)


async def test_threads_and_private_messages() -> None:
    async with everywhere() as (house, bot):
        thread = house.discord.world.add_channel(house.guild, "xrp", house.channel)
        for place in (house.channel, thread, house.ann.private):
            house.ann.slash(place, "where")
            assert (await house.ann.answer()).text == "here"
        guild = house.guild.id
        assert bot.heard[:2] == [f"TextChannel None {guild}", f"Thread {house.channel.id} {guild}"]
        assert bot.heard[2] == "DMChannel None None"
        assert [one.text for one in house.ann.sees(thread)] == ["here"]
        with pytest.raises(Impossible):
            house.bob.sees(house.ann.private)
        stranger = house.discord.person("eve")
        with pytest.raises(Impossible):
            stranger.slash(house.channel, "where")


async def test_selects_and_named_users() -> None:
    async with everywhere() as (house, _):
        house.ann.slash(house.channel, "who", {"user": house.bob.id})
        assert (await house.ann.answer()).text == f"bob {house.bob.id}"
        house.ann.slash(house.channel, "pick")
        shown = await house.ann.answer()
        assert shown.buttons[0].options == ("Ripple", "Bitcoin")
        house.bob.choose(house.channel, "Bitcoin")
        assert (await house.bob.answer()).text == "chose BTC"
        with pytest.raises(Impossible):
            house.bob.choose(house.channel, "Doge")


async def test_forms_with_labels() -> None:
    async with everywhere() as (house, _):
        house.ann.slash(house.channel, "limit")
        assert (await house.ann.answer()).text == "Limit"
        with pytest.raises(Impossible):
            house.ann.submit({"Amount": "1"})
        house.ann.submit({})
        assert (await house.ann.answer()).text == "limit 10"


@virtually
async def test_the_same_interaction_comes_twice() -> None:
    async with everywhere() as (house, bot):
        asked = house.ann.slash(house.channel, "where")
        await house.ann.answer()
        house.ann.again(asked)
        await until(lambda: len(bot.heard) == 2)
        await asyncio.sleep(0.1)
        statuses = [call.status for call in house.discord.calls.of("POST interactions/*/callback")]
        assert statuses == [200, 400]
        assert [one.text for one in house.ann.sees(house.channel)] == ["here"]
