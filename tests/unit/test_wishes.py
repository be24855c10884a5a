"""What people wish to hear of: their own word counts more than the house's."""

from collections.abc import Mapping

from bot.runtime.ports import Preference
from bot.runtime.wishes import Wishes


class Own:
    """Settings of one person."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {"entry": "on"}

    async def get(self, user_id: str) -> Mapping[str, str]:
        return self.settings if user_id == "telegram:1" else {}

    async def put(self, preference: Preference) -> None:
        self.settings[preference.kind] = preference.setting


async def test_the_house_speaks_for_those_who_said_nothing() -> None:
    wishes = Wishes(Own(), off=["entry", "job"], quiet=["exit", "job"])
    assert await wishes.get("telegram:2") == {"entry": "off", "exit": "quiet", "job": "off"}


async def test_a_persons_own_word_counts_more() -> None:
    wishes = Wishes(Own(), off=["entry", "job"], quiet=[])
    await wishes.put(Preference("telegram:1", "job", "quiet"))
    assert await wishes.get("telegram:1") == {"entry": "on", "job": "quiet"}
