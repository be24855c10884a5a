"""A stop must lie some ticks away from the entry: nearer it risks nothing on paper and closes at once."""

from bot.domain.instrument import ZERO, to_decimal, to_level
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "stop distance"
ORDER = 45
LEAST_TICKS = 2


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the stop, rounded as it would be placed, is nearer than that or on the wrong side."""
    signal, instrument, side = candidate.signal, candidate.instrument, candidate.side
    stop = instrument.stop_price(side, to_level(signal.stop_price))
    distance = (to_decimal(signal.reference_price) - stop) * side.sign
    least = LEAST_TICKS * instrument.price_tick
    figures = f"{distance.normalize():f} from the entry, minimum {least.normalize():f} ({LEAST_TICKS} ticks)"
    return Refused(NAME, figures) if distance <= ZERO or distance < least else Passed(NAME, figures)
