"""Settings of research: when the weekly report comes, what it looks at, how long proposals wait."""

from bot.config.kinds import CRON_RULE, Cron
from bot.config.values import Section, Whole, setting


class Research(Section):
    """The weekly report and what comes of it, in the time zone above."""

    weekly: Cron = setting("30 6 * * mon", "The weekly report.", allowed=CRON_RULE)
    history_days: Whole = setting(
        35, "Days of candles that the weekly report brings up to date.", low=1, high=365, unit="days"
    )
    trend_weeks: Whole = setting(8, "Weeks that its trend shows.", low=3, high=52, unit="weeks")
    proposal_days: Whole = setting(
        14, "How long a proposal waits for somebody before it expires.", low=1, high=365, unit="days"
    )
