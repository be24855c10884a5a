"""What people wish to hear of: their own settings over the house's."""

from collections.abc import Iterable, Mapping

from bot.runtime.ports import Preference, Preferences


class Wishes:
    """Preferences of the people over those of the configuration; see bot.runtime.ports.Preferences."""

    def __init__(self, own: Preferences, off: Iterable[str], quiet: Iterable[str]) -> None:
        """Kinds that are `off` or `quiet` for everybody who has not said otherwise."""
        self._own = own
        self._house = {**dict.fromkeys(quiet, "quiet"), **dict.fromkeys(off, "off")}

    async def get(self, user_id: str) -> Mapping[str, str]:
        """Settings by kind; kinds not named are `on`."""
        return {**self._house, **await self._own.get(user_id)}

    async def put(self, preference: Preference) -> None:
        """Store one person's wish."""
        await self._own.put(preference)
