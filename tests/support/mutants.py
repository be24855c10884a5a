"""Seeded mutations of JSON: what a broken, hostile or newer provider might send."""

import copy
from random import Random
from typing import Any

WORDS = (
    "", " ", "\x00", "NUL\x00in", "\u202egnp.exe", "\u2066RTL\u2069", "\ud800", "\udfffx", "🙂" * 40, "x" * 10_000,
    "-1", "0", "null", "NaN", "1e999", "../../etc/passwd", "' OR 1=1 --", "{}", "[]", "<@everyone>", "/", "//",
    "\r\nSet-Cookie: a=b", "%s%s%n", "${jndi:x}", "private", "channel", "supergroup", "bot_command", "\u0660\u0661",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30, 1.5, -0.0, 1e308, float("nan"), float("inf"), True, False,
    4102444800, -62135596801,
)  # fmt: skip
ODD: tuple[Any, ...] = (None, [], {}, [[]], [None], {"": None}, [1, "a", {}], {"id": {}}, "x", 7, 1.5, True)


def deep(levels: int = 60) -> Any:
    """Nested further than any sender would."""
    made: Any = "end"
    for number in range(levels):
        made = [made] if number % 2 else {"a": made}
    return made


class Mutator:
    """Mutations in an order that follows from the seed. `kept` are keys that stay as they are, with all below."""

    def __init__(self, seed: int, kept: frozenset[str] = frozenset()) -> None:
        self.lots = Random(seed)
        self._kept = kept

    def mutated(self, body: dict[str, Any]) -> dict[str, Any]:
        """A copy with one to five mutations."""
        made = copy.deepcopy(body)
        for _ in range(self.lots.randint(1, 5)):
            self._mutate(made)
        return made

    def _mutate(self, root: dict[str, Any]) -> None:
        places = list(self._places(root))
        if not places:
            return
        holder, key = self.lots.choice(places)
        kind = self.lots.randrange(9)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[f"{key}_{self.lots.randrange(9)}"] = holder.pop(key)
        elif kind == 2 and isinstance(holder, dict):
            holder[self.lots.choice(WORDS)[:50]] = self._thing()
        elif kind == 3:
            holder[key] = [holder[key], holder[key]]
        elif kind == 4:
            holder[key] = {"a": holder[key]}
        elif kind == 5:
            holder[key] = deep()
        elif kind == 6:
            holder[key] = self._like(holder[key])
        else:
            holder[key] = self._thing()

    def _places(self, node: Any) -> Any:
        rows = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in rows:
            if key in self._kept:
                continue
            yield node, key
            yield from self._places(value)

    def _thing(self) -> Any:
        return copy.deepcopy(self.lots.choice((*WORDS, *NUMBERS, *ODD)))

    def _like(self, value: Any) -> Any:
        """Of the same type, but wrong."""
        if isinstance(value, str) and value and self.lots.random() < 0.5:
            at = self.lots.randrange(len(value))
            return value[:at] + self.lots.choice("Aa0=-_ \x00é") + value[at + 1 :] if at % 3 else value[:at]
        return self.lots.choice(NUMBERS if isinstance(value, int | float) else WORDS)
