"""What is to be drawn as bytes and back, for the process that draws: every figure arrives as it was sent."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from operator import is_
from typing import Any, get_args
from zoneinfo import ZoneInfo

import numpy as np
from cattrs import Converter
from numpy.typing import NDArray

from handlers.reply import Plot

KINDS: dict[str, type[Plot]] = {cls.__name__: cls for cls in get_args(Plot.__value__)}


@dataclass(frozen=True, slots=True)
class Wish:
    """A plot, the time zone by its name, the quote asset, and whether it is dark."""

    plot: Plot
    zone: str
    quote: str
    dark: bool


def to_bytes(wish: Wish) -> bytes:
    """The wish for the other process. Raises TypeError or ValueError for what is no plot."""
    kind = type(wish.plot)
    plain = {"zone": wish.zone, "quote": wish.quote, "dark": wish.dark, "kind": kind.__name__}
    return json.dumps(plain | {"plot": _CONVERTER.unstructure(wish.plot, kind)}).encode()


def from_bytes(line: bytes) -> Wish:
    """The wish that `to_bytes` wrote."""
    plain = json.loads(line)
    plot = _CONVERTER.structure(plain["plot"], KINDS[plain["kind"]])
    return Wish(plot, ZoneInfo(plain["zone"]).key, plain["quote"], plain["dark"])


def _array_plain(array: NDArray[Any]) -> list[str]:
    return [array.dtype.str, b64encode(np.ascontiguousarray(array).tobytes()).decode()]


def _array(plain: list[str], _: object) -> NDArray[Any]:
    kind, content = plain
    return np.frombuffer(b64decode(content), np.dtype(kind))


def _is_array(annotation: object) -> bool:
    """True for NDArray of anything, also by one of our names for it."""
    named = getattr(annotation, "__value__", annotation)
    return getattr(named, "__origin__", None) is np.ndarray


def _converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_unstructure_hook_func(partial(is_, Decimal), str)
    converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    converter.register_unstructure_hook_func(_is_array, _array_plain)
    converter.register_structure_hook_func(_is_array, _array)
    return converter


_CONVERTER = _converter()
