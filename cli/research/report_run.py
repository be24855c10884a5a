"""`quarterdeck report --weekly`: the weekly report of a home, whether a desk runs on it or not."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from textwrap import wrap

import orjson

from bot.config import LoadedConfig
from bot.domain.errors import ConfigError
from bot.domain.refusal import Refused
from bot.runtime.codec import encode
from cli.homes import load, resolve_home
from cli.research.kept import Keeping, written
from cli.research.progress_view import progress
from cli.research.report_home import Stand, open_home
from cli.research.report_line import ReportOptions
from cli.workshop.asking import WeeklyAnswer
from cli.workshop.weekly_page import lines, title_of
from handlers.lab import Told, WeeklyOrder
from research.weekly.report import WeeklyReport

WHO = "command line"
LABELS, NARROW, WIDE = 24, 40, 110
FIRST_RUN = "No desk has run in this home yet: the ledger has no trades, the backtest is all there is."
SHOWN_ONLY = "Alternatives are only shown here; /full_report in a chat lets them wait for approval."


def run_report(options: ReportOptions) -> int:
    """Make it, keep it, show it. Raises ConfigError for what cannot be asked."""
    loaded = load(resolve_home(options.home, os.environ), options.config, os.environ)
    with progress("Weekly report", unit="%", json=options.json) as tell:

        async def told(part: float, at: str) -> None:
            tell(int(part * 100), 100)

        answer, words = asyncio.run(_made(options, loaded, told))
    content = Path(answer.page).read_bytes()
    keeping, page = Keeping(), Path(answer.page)
    if options.html is not None:
        wanted = options.html
        page = keeping.file("the page was not written", lambda: written(wanted, content)) or page
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(_document(answer, words)) + b"\n")
        sys.stdout.flush()
    else:
        _show(answer, words, page)
    return keeping.end()


async def _made(
    options: ReportOptions, loaded: LoadedConfig, told: Told
) -> tuple[WeeklyAnswer, tuple[str, ...]]:
    async with open_home(loaded, options.account) as stand:
        found = await stand.lab.report(WeeklyOrder(options.week, WHO), told)
        if isinstance(found, Refused):
            raise ConfigError(f"report: {found.figures}")
        return found, tuple(_words(stand, found.report))


def _words(stand: Stand, report: WeeklyReport) -> list[str]:
    """What must be read with the figures."""
    words = [FIRST_RUN] if stand.is_new else []
    if report.live is not None and not report.live.trades and not stand.is_new:
        words.append(f"No trade was closed in {report.label}.")
    if not report.tested:
        words.append("Nothing could be tested: quarterdeck fetch or import brings candles.")
    return [*words, *report.advice, *([SHOWN_ONLY] if report.alternatives else [])]


def _document(answer: WeeklyAnswer, words: tuple[str, ...]) -> dict[str, object]:
    """Everything: the lines as people read them, and the figures."""
    report = answer.report
    return {
        "title": title_of(report),
        "lines": dict(lines(report)),
        "words": list(words),
        "page": answer.page,
        "report": orjson.loads(encode(report)),
    }


def _show(answer: WeeklyAnswer, words: tuple[str, ...], page: Path) -> None:
    """The lines that matter, what must be read with them, where the page is."""
    width = min(WIDE, max(NARROW, shutil.get_terminal_size((WIDE, 24)).columns)) - LABELS
    rows = [(title_of(answer.report), "")]
    rows += [(label, text) for label, text in (*lines(answer.report), ("Page", str(page)))]
    for label, text in rows:
        first, *rest = wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
        print(f"{label:<{LABELS}}{first}".rstrip())
        for line in rest:
            print(f"{'':<{LABELS}}{line}")
    for said in words:
        print(said)
