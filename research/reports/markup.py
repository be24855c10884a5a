"""Pieces of a page: everything that comes from outside is escaped, pictures are inside the page, light and dark."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --paper:#f6f7f9; --card:#fff; --ink:#1c2430; --faint:#667085; --line:#e4e7ec;
  --gain:#0b7a5e; --loss:#c9302c; --warn:#8a5a00; --warnpaper:#fff6e0; }
@media (prefers-color-scheme: dark) { :root { --paper:#0b0e13; --card:#10141b; --ink:#e6e9ef; --faint:#8b95a5;
  --line:#232a35; --gain:#2fc6a2; --loss:#ff6b6f; --warn:#f5c451; --warnpaper:#221c0c; } }
* { box-sizing: border-box; }
body { margin:0; background:var(--paper); color:var(--ink); font:15px/1.45 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width:1060px; margin:0 auto; padding:28px 18px 60px; }
h1 { font-size:25px; margin:0 0 2px; } h2 { font-size:17px; margin:34px 0 10px; }
.faint, footer { color:var(--faint); } .gain { color:var(--gain); } .loss { color:var(--loss); }
.tiles { display:grid; grid-template-columns:repeat(auto-fill, minmax(150px, 1fr)); gap:10px; margin-top:18px; }
.tile { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:10px 13px; }
.tile span { display:block; color:var(--faint); font-size:12.5px; }
.tile b { font-size:19px; font-variant-numeric:tabular-nums; }
.card { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:8px; overflow-x:auto; }
.card img { width:100%; height:auto; display:block; border-radius:6px; }
.card + .card { margin-top:12px; }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; font-size:14px; }
th { text-align:right; color:var(--faint); font-weight:500; font-size:12.5px; white-space:nowrap; }
th, td { padding:5px 9px; border-bottom:1px solid var(--line); } td { text-align:right; white-space:nowrap; }
th:first-child, td:first-child, .words { text-align:left; } tr:last-child td { border-bottom:0; }
td.words { white-space:normal; }
.warn { background:var(--warnpaper); color:var(--warn); border-radius:10px; padding:10px 14px; margin-top:14px; }
ul { margin:6px 0; padding-left:20px; } footer { margin-top:40px; font-size:12.5px; overflow-wrap:anywhere; }
"""


def picture(draw: Callable[[bool], bytes], words: str) -> str:
    """Drawn for light and for dark; `words` for those who cannot see it."""
    light, dark = (b64encode(draw(night)).decode() for night in (False, True))
    night = f'<source media="(prefers-color-scheme: dark)" srcset="data:image/png;base64,{dark}">'
    day = f'<img alt="{escape(words)}" src="data:image/png;base64,{light}">'
    return f'<div class="card"><picture>{night}{day}</picture></div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = ()) -> str:
    """Cells are escaped, but for those that `signed` made; columns in `words` are read as text."""
    above = "".join(f"<th{_kind(place, words)}>{escape(name)}</th>" for place, name in enumerate(head))
    body = "".join(
        f"<tr>{''.join(_cell(place, cell, words) for place, cell in enumerate(row))}</tr>" for row in rows
    )
    return f'<div class="card"><table><thead><tr>{above}</tr></thead><tbody>{body}</tbody></table></div>'


def tiles(cells: Iterable[tuple[str, str]]) -> str:
    """Figures with their names."""
    return f'<div class="tiles">{"".join(_tile(name, text) for name, text in cells)}</div>'


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it; nothing without parts."""
    return f"<h2>{escape(title)}</h2>{''.join(parts)}" if any(parts) else ""


def warning(text: str) -> str:
    """A sentence nobody should pass over."""
    return f'<div class="warn">{escape(text)}</div>'


def whole(title: str, body: str) -> str:
    """The page: nothing is fetched, nothing runs."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _tile(name: str, text: str) -> str:
    return f'<div class="tile"><span>{escape(name)}</span><b class="{_tone(text)}">{escape(text)}</b></div>'


def _cell(place: int, text: str, words: Sequence[int]) -> str:
    if place in words:
        return f'<td class="words">{escape(text)}</td>'
    tone = _tone(text)
    return f'<td class="{tone}">{escape(text)}</td>' if tone else f"<td>{escape(text)}</td>"


def _kind(place: int, words: Sequence[int]) -> str:
    return ' class="words"' if place in words else ""


def _tone(text: str) -> str:
    """What begins with a sign is a gain or a loss."""
    return {"+": "gain", "−": "loss"}.get(text[:1], "")
