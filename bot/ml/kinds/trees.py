"""LightGBM's text format taken apart and written anew, so that the library only ever reads what we wrote.

Its own reader trusts the text: a child that leads back to its parent makes it run for ever, one that leads nowhere ends
the process. Allowed is what a binary classifier of numeric features needs, nothing else: no categories, no linear
leaves, no averaged forests, no parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from bot.ml.model import ModelError

MOST_TREES = 5_000
MOST_LEAVES = 1_024
DEEPEST = 64
LARGEST = 1e9
"""The largest value of a leaf, either way."""

MOST_WHOLE = 999_999_999
_DIGITS = frozenset("0123456789- ")
_NUMERAL = frozenset("0123456789+-.eE ")
_HEADER = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
)
_NODES = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")
_INNER = ("internal_value", "internal_weight", "internal_count")
_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_TREE = ("num_leaves", "num_cat", *_NODES, *_LEAVES, *_INNER, "is_linear", "shrinkage")


class TreeError(ModelError):
    """The text is no model that is allowed here; the message lacks the file's name."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """Texts of one tree's keys, and the figures that are checked together."""

    texts: dict[str, str]
    leaves: int


def rewritten(text: str, features: tuple[str, ...]) -> str:
    """The model in our own writing. Raises TreeError in one line for anything that is not as it must be."""
    head, *blocks = _blocks(text)
    header = _keys(head[1:], _HEADER, "header", may_lack=("tree_sizes",))
    sigmoid = _check_header(header, features)
    if not blocks:
        raise TreeError("holds no tree")
    if len(blocks) > MOST_TREES:
        raise TreeError(f"holds {len(blocks)} trees; at most {MOST_TREES} are allowed")
    trees = [_written(_tree(lines, index, len(features)), index) for index, lines in enumerate(blocks)]
    return "\n".join(_model(trees, len(features), sigmoid))


def _blocks(text: str) -> list[list[str]]:
    """The header's lines and each tree's, without what follows the trees."""
    lines = text.split("\n")
    if lines[0] != "tree":
        raise TreeError("is no LightGBM text model: the first line must be `tree`")
    if "end of trees" not in lines:
        raise TreeError("is cut off: the line `end of trees` is missing")
    found: list[list[str]] = [[]]
    for line in lines[: lines.index("end of trees")]:
        if line.startswith("Tree="):
            found.append([])
        if line:
            found[-1].append(line)
    return found


def _keys(
    lines: list[str], allowed: tuple[str, ...], where: str, may_lack: tuple[str, ...] = ()
) -> dict[str, str]:
    """The `key=value` lines of one block; every allowed key once, no other."""
    found: dict[str, str] = {}
    for line in lines:
        key, sign, value = line.partition("=")
        if not sign or key not in allowed:
            raise TreeError(f"{where}: {line[:40]!r} is not allowed; {', '.join(allowed)}")
        if key in found:
            raise TreeError(f"{where}: {key} stands there twice")
        found[key] = value
    for key in allowed:
        if key not in found and key not in may_lack:
            raise TreeError(f"{where}: {key} is missing")
    return found


def _check_header(header: dict[str, str], features: tuple[str, ...]) -> float:
    """The steepness of the sigmoid, after everything in the header is as it must be."""
    for key, allowed in (("version", "v4"), ("num_class", "1"), ("num_tree_per_iteration", "1")):
        if header[key] != allowed:
            raise TreeError(f"header: {key} {header[key][:20]!r} is not allowed; {allowed}")
    width = _whole(header["max_feature_idx"], "header: max_feature_idx") + 1
    if width != len(features):
        raise TreeError(f"takes {width} features, the card names {len(features)}")
    names = tuple(header["feature_names"].split(" "))
    if names not in {features, tuple(f"Column_{index}" for index in range(width))}:
        raise TreeError("header: feature_names are not those of the card, in their order")
    word, _, steepness = header["objective"].partition(" sigmoid:")
    if word != "binary" or not steepness:
        raise TreeError(
            f"header: objective {header['objective'][:30]!r} is not allowed; binary sigmoid:NUMBER"
        )
    (sigmoid,) = _figures(steepness, 1, "header: sigmoid")
    if not 0 < sigmoid <= 100:
        raise TreeError(f"header: sigmoid {sigmoid} is not allowed; above 0, at most 100")
    return sigmoid


def _tree(lines: list[str], index: int, width: int) -> _Tree:
    where = f"tree {index}"
    if lines[0] != f"Tree={index}":
        raise TreeError(f"{where}: begins with {lines[0][:30]!r}")
    texts = _keys(lines[1:], _TREE, where)
    for key in ("num_cat", "is_linear"):
        if texts[key] != "0":
            raise TreeError(f"{where}: {key} {texts[key][:20]!r} is not allowed; 0")
    leaves = _whole(texts["num_leaves"], f"{where}: num_leaves")
    if not 1 <= leaves <= MOST_LEAVES:
        raise TreeError(f"{where}: {leaves} leaves; 1 to {MOST_LEAVES} are allowed")
    _figures(texts["shrinkage"], 1, f"{where}: shrinkage")
    _check_leaves(texts, leaves, where)
    if leaves > 1:
        _check_nodes(texts, leaves, width, where)
        _check_shape(texts, leaves, where)
    return _Tree(texts, leaves)


def _check_leaves(texts: dict[str, str], leaves: int, where: str) -> None:
    values = _figures(texts["leaf_value"], leaves, f"{where}: leaf_value")
    if max(map(abs, values)) > LARGEST:
        raise TreeError(f"{where}: leaf_value beyond {LARGEST:g}")
    if leaves > 1:  # a lone leaf has none of the rest, or has it empty
        _figures(texts["leaf_weight"], leaves, f"{where}: leaf_weight")
        _counts(texts["leaf_count"], leaves, f"{where}: leaf_count")


def _check_nodes(texts: dict[str, str], leaves: int, width: int, where: str) -> None:
    for key in ("split_gain", "internal_value", "internal_weight"):
        _figures(texts[key], leaves - 1, f"{where}: {key}")
    # a threshold of inf parts what is known from what is missing
    known = " ".join("0" if one in {"inf", "-inf"} else one for one in texts["threshold"].split(" "))
    _figures(known, leaves - 1, f"{where}: threshold")
    _counts(texts["internal_count"], leaves - 1, f"{where}: internal_count")
    if not all(
        0 <= one < width for one in _wholes(texts["split_feature"], leaves - 1, f"{where}: split_feature")
    ):
        raise TreeError(f"{where}: split_feature names a feature that is not there; 0 to {width - 1}")
    kinds = _wholes(texts["decision_type"], leaves - 1, f"{where}: decision_type")
    if not set(kinds) <= {0, 2, 4, 6, 8, 10}:  # left by default or not; missing: none, zero, NaN
        raise TreeError(f"{where}: decision_type is not allowed; 0, 2, 4, 6, 8 or 10")


def _check_shape(texts: dict[str, str], leaves: int, where: str) -> None:
    """Every node and leaf has one parent, which comes before it: no circles, nothing loose, not too deep."""
    left = _wholes(texts["left_child"], leaves - 1, f"{where}: left_child")
    right = _wholes(texts["right_child"], leaves - 1, f"{where}: right_child")
    depth = [0] * (leaves - 1)
    for node, pair in enumerate(zip(left, right, strict=True)):
        for child in pair:
            if child >= leaves - 1 or child < -leaves or 0 <= child <= node:
                raise TreeError(f"{where}: node {node} has the child {child}, which cannot be")
            if child > 0:
                depth[child] = depth[node] + 1
    if max(depth) >= DEEPEST:
        raise TreeError(f"{where}: deeper than {DEEPEST} levels")
    if sorted(left + right) != [child for child in range(-leaves, leaves - 1) if child != 0]:
        raise TreeError(f"{where}: a node or leaf has no parent, or two")


def _counts(text: str, count: int, where: str) -> None:
    if min(_wholes(text, count, where)) < 1:
        raise TreeError(f"{where}: below 1")


def _wholes(text: str, count: int, where: str) -> list[int]:
    parts = text.split(" ")
    if len(parts) != count:
        raise TreeError(f"{where}: {len(parts)} figures where {count} belong")
    try:
        values = [int(part) for part in parts]
    except ValueError:
        raise TreeError(f"{where}: holds what is no whole number") from None
    if not _DIGITS.issuperset(text) or max(map(abs, values)) > MOST_WHOLE:
        raise TreeError(f"{where}: holds what is no whole number up to {MOST_WHOLE}")
    return values


def _whole(text: str, where: str) -> int:
    (value,) = _wholes(text, 1, where)
    return value


def _figures(text: str, count: int, where: str) -> list[float]:
    parts = text.split(" ")
    if len(parts) != count:
        raise TreeError(f"{where}: {len(parts)} figures where {count} belong")
    if not _NUMERAL.issuperset(text):
        raise TreeError(f"{where}: holds what is no number")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise TreeError(f"{where}: holds what is no number") from None
    if not all(map(isfinite, values)):
        raise TreeError(f"{where}: holds a number without end")
    return values


def _written(tree: _Tree, index: int) -> str:
    """One tree's block. A lone leaf keeps only what counts."""
    texts = dict(tree.texts)
    if tree.leaves == 1:
        texts.update(dict.fromkeys((*_NODES, *_INNER, "leaf_weight"), ""), leaf_count="1")
    return "\n".join([f"Tree={index}", *(f"{key}={texts[key]}" for key in _TREE), "", ""])


def _model(trees: list[str], width: int, sigmoid: float) -> Iterator[str]:
    yield "tree"
    yield "version=v4"
    yield "num_class=1"
    yield "num_tree_per_iteration=1"
    yield "label_index=0"
    yield f"max_feature_idx={width - 1}"
    yield f"objective=binary sigmoid:{sigmoid!r}"
    yield "feature_names=" + " ".join(f"Column_{index}" for index in range(width))
    yield "feature_infos=" + " ".join(["none"] * width)
    # no tree_sizes: with them the library reads trees in threads of its own, after which a forked child would hang
    yield ""
    yield from trees
    yield "end of trees"
    yield ""
    yield "pandas_categorical:null"
    yield ""
