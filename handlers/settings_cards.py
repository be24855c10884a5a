"""What the card before a setting says beside from -> to: the next trade, and what is open."""

from bot.engine.views import NO_PRICE, SettingPreview, SizePreview
from bot.runtime.desk import Desk
from handlers.format import money, size

UNTOUCHED = "Open trades keep their size, stop and target."


def setting_lines(desk: Desk, found: SettingPreview, lead: str = "") -> str:
    """Sentences, one a line: what the lead says, the next trade before and after, open trades."""
    lines = [lead] if lead else []
    if found.size_before is not None and found.size_after is not None:
        lines.append(next_trade(desk, found.size_before, found.size_after))
    lines += [f"{remark[:1].upper()}{remark[1:].rstrip('.')}." for remark in found.remarks] or [UNTOUCHED]
    return "\n".join(lines)


def next_trade(desk: Desk, before: SizePreview, after: SizePreview) -> str:
    """The next trade of a symbol as it was and as it will be."""
    if before == after:
        return f"The next {after.symbol} trade stays {_words(desk, after)}."
    return f"The next {after.symbol} trade: {_words(desk, before)} → {_words(desk, after)}."


def _words(desk: Desk, found: SizePreview) -> str:
    if found.binding == NO_PRICE:
        return "not known before its first price"
    if not found.quantity:
        return "none (too small)"
    quote = desk.about.quote
    written = size(found.quantity, desk.instruments.get(found.symbol))
    margin = money(found.margin, quote, signed=False)
    return f"{written}, {margin} of margin, {money(found.risk, quote, signed=False)} at risk"
