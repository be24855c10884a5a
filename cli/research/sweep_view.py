"""Sweeps on a terminal."""

from collections.abc import Sequence
from pathlib import Path

from research.sweep.run import SweepResult
from research.sweep.source import Known
from research.sweep.words import (
    HEADS,
    SYMBOL_HEADS,
    head_line,
    ranking_cells,
    section_lines,
    several,
    symbol_cells,
)

MOST_NOTES = 10
LEFT = {"Set", "Best set", "Symbol", "Verdict", "Candidate"}


def show_sweep(result: SweepResult, path: Path | None) -> None:
    """One section with its ranking, or a line for each symbol; then where the result is."""
    print(head_line(result))
    if len(result.sections) == 1:
        section = result.sections[0]
        print_table(HEADS, ranking_cells(section))
        print("\n".join(section_lines(section)))
    else:
        print_table(SYMBOL_HEADS, [symbol_cells(one) for one in several(result)])
    print_notes(result.known)
    if path:
        print(f"Result: {path}")


def print_notes(known: Sequence[Known]) -> None:
    """What was repaired or is missing in the candles and the funding; all of it is in the result."""
    notes = [note for one in known for note in one.notes]
    for note in notes[:MOST_NOTES]:
        print(f"· {note}")
    if len(notes) > MOST_NOTES:
        print(f"· and {len(notes) - MOST_NOTES} more")


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose words are never cut, however narrow the terminal."""
    widths = [max(len(line[place]) for line in (heads, *rows)) for place in range(len(heads))]
    for line in (heads, *rows):
        cells = zip(heads, line, widths, strict=True)
        set_out = (cell.ljust(width) if head in LEFT else cell.rjust(width) for head, cell, width in cells)
        print("  ".join(set_out).rstrip())
