"""Result files run again: equal to the digit or not, and if not, what else is not as it was."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.research.kept import put_json
from research.results.files import differences, packed

FOUND, WELL = 1, 0
SHOWN_DIFFERENCES = 5


def told_again(
    file: Path, before: Mapping[str, object], after: Mapping[str, object], keys: Sequence[str], json: bool
) -> int:
    """Say whether both are equal to the digit in `keys`; 1 when they are not."""
    causes, found = causes_of(before, after), differences(before, after, keys)
    if json:
        told = {"equal": not found, "differences": found, "causes": causes, "file": str(file)}
        put_json(told)
        return FOUND if found else WELL
    print(f"{file}: {'different' if found else 'equal to the digit'}")
    for line in (*causes, *found[:SHOWN_DIFFERENCES]):
        print(f"  {line}")
    if len(found) > SHOWN_DIFFERENCES:
        print(f"  and {len(found) - SHOWN_DIFFERENCES} more")
    return FOUND if found else WELL


def causes_of(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What is not as it was: candles, code, parameters from files."""
    old, new = (one["run"] if isinstance(one["run"], dict) else {} for one in (before, after))
    names = {"data": "the candles", "code": "the code", "config": "what was asked or a strategy's file"}
    plain = {key: packed(new.get(key)) for key in names}
    return [f"{words} changed" for key, words in names.items() if packed(old.get(key)) != plain[key]]
