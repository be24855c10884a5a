"""A page in one file: no script, no outside address, every text escaped; readable in light and dark, on a phone too."""

from collections.abc import Iterable, Sequence
from html import escape

from bot.domain.account import EquityPoint
from handlers.format import Clock, money
from handlers.reply import Table
from handlers.text import clean

WIDTH, HEIGHT, EDGE = 720, 240, 8
BAR_HEIGHT = 170
LETTERS, LINE = 15, 16
"""A row of letters in a drawing, and the row of moments below it."""
MOST_LABELS = 13

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --faint: #66707f; --line: #d8dee6; --paper: #ffffff;
  --gain: #1f8a5b; --loss: #c0392b; --accent: #2b6cb0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --faint: #97a1b0; --line: #343c48; --paper: #151a21;
  --gain: #3fbf87; --loss: #ef6b5e; --accent: #6aa9e9; } }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; } .figure { text-align: right; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { color: var(--faint); }
dd { margin: 0; } svg { width: 100%; height: auto; } p.small { color: var(--faint); font-size: .85rem; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, parts: Iterable[str]) -> bytes:
    """The whole file."""
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body>\n<h1>{text(title)}</h1>\n"
    )
    return (head + "\n".join(parts) + "\n</body></html>\n").encode()


def text(words: str) -> str:
    """Foreign text as it may stand in a page."""
    return escape(clean(words))


def heading(words: str) -> str:
    """A section begins."""
    return f"<h2>{text(words)}</h2>"


def prose(lines: Iterable[str], small: bool = False) -> str:
    """One paragraph a line."""
    kind = ' class="small"' if small else ""
    return "\n".join(f"<p{kind}>{text(line)}</p>" for line in lines)


def figures(fields: Iterable[tuple[str, str]]) -> str:
    """Labels and values."""
    rows = "".join(f"<dt>{text(label)}</dt><dd>{text(value)}</dd>" for label, value in fields)
    return f"<dl>{rows}</dl>"


def grid(found: Table | None, nothing: str) -> str:
    """A table; a sentence where there is none."""
    if found is None:
        return prose([nothing])
    marks = [' class="figure"' if column.align == "right" else "" for column in found.columns]
    head = "".join(f"<th{mark}>{text(one.name)}</th>" for one, mark in zip(found.columns, marks, strict=True))
    rows = "".join(f"<tr>{_cells(row, marks)}</tr>" for row in found.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cells(row: Sequence[str], marks: Sequence[str]) -> str:
    return "".join(f"<td{mark}>{text(cell)}</td>" for cell, mark in zip(row, marks, strict=True))


def equity_drawing(points: Sequence[EquityPoint], quote: str, at: Clock) -> str:
    """The equity curve as a drawing, with its highest and lowest value and the moments of its ends in `at`'s zone."""
    if len(points) < 2:
        return prose(["There is no equity curve yet."])
    values = [float(point.equity) for point in points]
    bottom, top = min(values), max(values)
    room, span = (top - bottom) or 1.0, (points[-1].at_ms - points[0].at_ms) or 1
    tall = HEIGHT - 2 * LETTERS - LINE
    spots = " ".join(
        f"{EDGE + (point.at_ms - points[0].at_ms) / span * (WIDTH - 2 * EDGE):.1f},"
        f"{LETTERS + tall - (value - bottom) / room * tall:.1f}"
        for point, value in zip(points, values, strict=True)
    )
    curve = f'<polyline points="{spots}" fill="none" stroke="var(--accent)" stroke-width="2"/>'
    levels = "".join(_level(y) for y in (LETTERS, LETTERS + tall))
    words = (
        _word(EDGE, LETTERS - 4, money(top, quote, signed=False)),
        _word(EDGE, LETTERS + tall + LETTERS - 3, money(bottom, quote, signed=False)),
        _word(EDGE, HEIGHT - 3, at.full(points[0].at_ms)),
        _word(WIDTH - EDGE, HEIGHT - 3, at.full(points[-1].at_ms), "end"),
    )
    inside = f"{levels}{curve}{''.join(words)}"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Equity">{inside}</svg>'


def _level(y: float) -> str:
    """A faint line from side to side."""
    return f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>'


def _word(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Letters in a drawing; nothing for no words."""
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return (
        f'<text {where} font-size="{LETTERS - 3}" fill="var(--faint)">{text(words)}</text>' if words else ""
    )


def bar_drawing(labels: Sequence[str], values: Sequence[float]) -> str:
    """A bar per label, gains up and losses down, each with its figure where there is room for letters."""
    if not any(values):
        return prose(["Nothing was won or lost in these weeks."])
    top, bottom = max(0.0, *values), min(0.0, *values)
    below = 2 * LETTERS if bottom < 0 else LETTERS
    scale = (BAR_HEIGHT - LETTERS - below - 4) / (top - bottom)
    wide = (WIDTH - 2 * EDGE) / len(values)
    zero = LETTERS + top * scale
    every = -(-len(values) // MOST_LABELS)
    parts = [_level(zero)]
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        middle = EDGE + (i + 0.5) * wide
        parts.append(_bar(middle, wide * 0.7, zero, value * scale, label))
        if len(values) <= MOST_LABELS and value:
            end = zero - value * scale
            parts.append(
                _word(middle, end - 4 if value > 0 else end + LETTERS - 3, f"{value:+,.2f}", "middle")
            )
        if i % every == 0:
            parts.append(_word(middle, BAR_HEIGHT - 3, label, "middle"))
    return f'<svg viewBox="0 0 {WIDTH} {BAR_HEIGHT}" role="img" aria-label="Net">{"".join(parts)}</svg>'


def _bar(middle: float, wide: float, zero: float, tall: float, label: str) -> str:
    """One bar; nothing for zero."""
    if not tall:
        return ""
    sign = "gain" if tall > 0 else "loss"
    where = f'x="{middle - wide / 2:.1f}" y="{zero - max(tall, 0.0):.1f}" width="{wide:.1f}"'
    return f'<rect {where} height="{max(abs(tall), 1.0):.1f}" fill="var(--{sign})"><title>{text(label)}</title></rect>'
