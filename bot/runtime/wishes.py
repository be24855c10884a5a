"""What people wish to hear of: their own settings over the house's."""

from collections.abc import Iterable, Mapping

from bot.runtime.ports import Preference, Preferences

HOURS = "hours"
"""The wish for quiet hours: "22:00-07:00", or "off"."""
DETAIL = "detail"
"""The wish for how much of a notice is shown: "short" or "full"."""
NO_HOURS = "off"


class Wishes:
    """Preferences of the people over those of the configuration; see bot.runtime.ports.Preferences."""

    def __init__(self, own: Preferences, off: Iterable[str], quiet: Iterable[str], hours: str = "") -> None:
        """Kinds that are `off` or `quiet`, and the quiet hours, for everybody who has not said otherwise."""
        self._own = own
        self._house = {**dict.fromkeys(quiet, "quiet"), **dict.fromkeys(off, "off")}
        if hours:
            self._house[HOURS] = hours

    async def get(self, user_id: str) -> Mapping[str, str]:
        """Settings by kind, beside them HOURS and DETAIL; kinds not named are `on`."""
        return {**self._house, **await self._own.get(user_id)}

    async def put(self, preference: Preference) -> None:
        """Store one person's wish."""
        await self._own.put(preference)
