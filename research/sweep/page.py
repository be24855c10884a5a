"""A sweep as one self-contained page: verdicts, tables, heat maps; nothing is loaded from anywhere."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from research.sweep.pictures import heat_map
from research.sweep.run import SweepResult
from research.sweep.sections import Section
from research.sweep.words import (
    HEADS,
    SYMBOL_HEADS,
    head_line,
    ranking_cells,
    section_lines,
    several,
    symbol_cells,
)

MOST_PICTURES = 24
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#1c2430}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;text-align:right;"
    "border-bottom:1px solid #e7eaef}td.w,th.w{text-align:left}img{max-width:100%}li.bad{color:#c9302c;font-weight:600}"
)
WORDS = {"Set", "Best set", "Symbol", "Verdict"}


def sweep_page(result: SweepResult) -> str:
    """The page as HTML; heat maps of the first sections."""
    title = f"Sweep of {result.plan.strategy}"
    parts = [f"<h1>{escape(title)}</h1><p>{escape(head_line(result))}</p>"]
    if len(result.sections) > 1:
        parts.append(_table(SYMBOL_HEADS, [symbol_cells(one) for one in several(result)]))
    parts += [_section(result, section) for section in several(result)[:MOST_PICTURES]]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>"


def _section(result: SweepResult, section: Section) -> str:
    title = section.course.title
    drawn = b64encode(heat_map(result.plan, section, title, dark=False)).decode()
    lines = "".join(_line(line) for line in section_lines(section))
    table = _table(HEADS, ranking_cells(section))
    picture = f'<img alt="Profit factor of every set" src="data:image/png;base64,{drawn}">'
    return f"<h2>{escape(title)}</h2><ul>{lines}</ul>{table}{picture}"


def _line(text: str) -> str:
    return f"<li{' class=bad' if text.startswith('!') else ''}>{escape(text[2:])}</li>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    kinds = [" class=w" if head in WORDS else "" for head in heads]
    first = "".join(f"<th{kind}>{escape(head)}</th>" for kind, head in zip(kinds, heads, strict=True))
    lines = (
        "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        for row in rows
    )
    return f"<table><tr>{first}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
