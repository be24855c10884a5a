"""A page in one file: no script, no outside address, every text escaped; readable in light and dark, on a phone too."""

from collections.abc import Iterable, Sequence
from html import escape

from bot.domain.account import EquityPoint
from handlers.reply import Table
from handlers.text import clean

WIDTH, HEIGHT, EDGE = 720, 220, 8
BAR_HEIGHT = 140

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


def equity_drawing(points: Sequence[EquityPoint], low: str, high: str) -> str:
    """The equity curve as a drawing; `low` and `high` are the words for its lowest and highest value."""
    if len(points) < 2:
        return prose(["There is no equity curve yet."])
    values = [float(point.equity) for point in points]
    bottom, top = min(values), max(values)
    room, span = (top - bottom) or 1.0, (points[-1].at_ms - points[0].at_ms) or 1
    spots = " ".join(
        f"{EDGE + (point.at_ms - points[0].at_ms) / span * (WIDTH - 2 * EDGE):.1f},"
        f"{HEIGHT - EDGE - (value - bottom) / room * (HEIGHT - 2 * EDGE):.1f}"
        for point, value in zip(points, values, strict=True)
    )
    line = f'<polyline points="{spots}" fill="none" stroke="var(--accent)" stroke-width="2"/>'
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Equity">{line}</svg>'
    return drawing + prose([f"Highest {high}, lowest {low}."], small=True)


def bar_drawing(labels: Sequence[str], values: Sequence[float]) -> str:
    """A bar per label, gains up and losses down."""
    if not any(values):
        return prose(["Nothing was won or lost in these weeks."])
    top, bottom = max(0.0, *values), min(0.0, *values)
    scale = (BAR_HEIGHT - 2 * EDGE) / (top - bottom)
    wide = (WIDTH - 2 * EDGE) / len(values)
    zero = EDGE + top * scale
    bars = "".join(
        f'<rect x="{EDGE + i * wide + wide * 0.15:.1f}" y="{zero - max(value, 0.0) * scale:.1f}" '
        f'width="{wide * 0.7:.1f}" height="{max(abs(value) * scale, 1.0):.1f}" '
        f'fill="var(--{"gain" if value >= 0 else "loss"})"><title>{text(label)}</title></rect>'
        for i, (label, value) in enumerate(zip(labels, values, strict=True))
    )
    line = f'<line x1="0" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="var(--line)"/>'
    return f'<svg viewBox="0 0 {WIDTH} {BAR_HEIGHT}" role="img" aria-label="Net by week">{line}{bars}</svg>'
