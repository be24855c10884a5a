"""What an ONNX file may hold: plain arithmetic and trees over what it brings along.

Not allowed: loops, branches, functions and operators of others, chance, files beside it. What is left takes the same
time and room for every row, so that a trial tells. Trees are looked at one by one: the runtime follows a circle for
ever.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

from bot.ml.kinds.wire import WireError, fields, message, numbers, text
from bot.ml.model import ModelError

MOST_NODES = 5_000
MOST_FIGURES = 16 << 20
"""The most figures of one tensor."""

_ARITHMETIC = """
Abs Add And ArgMax BatchNormalization Cast Ceil Clip Concat Constant Div Dropout Elu Equal Erf Exp Flatten
Floor Gather Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LayerNormalization
LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max Mean Min Mish Mul Neg Not Or PRelu Pow Reciprocal
ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign Slice
Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Transpose Unsqueeze Where
"""
_LEARNED = """
ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor
Normalizer SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier TreeEnsembleRegressor
"""
ARITHMETIC = frozenset(_ARITHMETIC.split())
LEARNED = frozenset(_LEARNED.split())
OPERATORS = {"": ARITHMETIC, "ai.onnx": ARITHMETIC, "ai.onnx.ml": LEARNED}
_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")

# Numbers of fields in onnx.proto
_GRAPH, _TRAINING, _FUNCTIONS = 7, 20, 25
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
_OPERATOR, _ATTRIBUTE, _DOMAIN = 4, 5, 7
_NAME, _TENSOR, _SUBGRAPH, _INTS, _STRINGS, _TENSORS = 1, 5, 6, 8, 9, 10
_SUBGRAPHS, _SPARSE_ONE, _SPARSE_MANY = 11, 22, 23
_DIMS, _EXTERNAL, _LOCATION = 1, 13, 14


class GraphError(ModelError):
    """The graph is none that is allowed here; the message lacks the file's name."""


@dataclass(slots=True)
class _Node:
    operator: str = ""
    domain: str = ""
    ints: dict[str, list[int]] = field(default_factory=dict)
    strings: dict[str, list[str]] = field(default_factory=dict)


def check(content: bytes) -> None:
    """Raise GraphError in one line for a file that holds what is not allowed, or is no ONNX file."""
    try:
        graphs = list(_graphs(content))
        if len(graphs) != 1:
            raise GraphError("is no ONNX model")
        nodes = list(_nodes(graphs[0]))
    except WireError:
        raise GraphError("is no ONNX model, or is cut off") from None
    if not 1 <= len(nodes) <= MOST_NODES:
        raise GraphError(f"holds {len(nodes)} operators; 1 to {MOST_NODES} are allowed")
    for node in nodes:
        if node.operator not in OPERATORS.get(node.domain, ()):
            name = f"{node.domain}.{node.operator}".lstrip(".")[:60]
            raise GraphError(
                f"uses the operator {name!r}, which is not allowed; plain arithmetic and trees are"
            )
        if node.operator in _TREES:
            _check_trees(node)


def _graphs(content: bytes) -> Iterator[bytes]:
    for number, value in fields(content):
        if number in {_TRAINING, _FUNCTIONS}:
            raise GraphError("holds functions of its own or training; plain operators are allowed")
        if number == _GRAPH:
            yield message(value)


def _nodes(graph: bytes) -> Iterator[_Node]:
    for number, value in fields(graph):
        if number == _NODE:
            yield _node(message(value))
        elif number == _INITIALIZER:
            _check_tensor(message(value))
        elif number == _SPARSE:
            raise GraphError("holds sparse figures; plain tensors are allowed")


def _node(content: bytes) -> _Node:
    node = _Node()
    for number, value in fields(content):
        if number == _OPERATOR:
            node.operator = text(value)
        elif number == _DOMAIN:
            node.domain = text(value)
        elif number == _ATTRIBUTE:
            _take_attribute(node, message(value))
    return node


def _take_attribute(node: _Node, content: bytes) -> None:
    name, ints, strings = "", [], []
    for number, value in fields(content):
        if number == _NAME:
            name = text(value)
        elif number == _INTS:
            ints.extend(numbers(value))
        elif number == _STRINGS:
            strings.append(text(value))
        elif number in {_TENSOR, _TENSORS}:
            _check_tensor(message(value))
        elif number in {_SUBGRAPH, _SUBGRAPHS, _SPARSE_ONE, _SPARSE_MANY}:
            raise GraphError("holds a graph within an operator or sparse figures, which is not allowed")
    if name in node.ints:
        raise GraphError(f"names the attribute {name[:40]!r} twice")
    node.ints[name], node.strings[name] = ints, strings


def _check_tensor(content: bytes) -> None:
    dims: list[int] = []
    for number, value in fields(content):
        if number == _DIMS:
            dims.extend(numbers(value))
        elif number == _EXTERNAL or (number == _LOCATION and value != 0):
            raise GraphError("keeps figures in another file; all must be in this one")
    if any(one < 0 for one in dims) or prod(dims) > MOST_FIGURES:
        raise GraphError(f"holds a tensor beyond {MOST_FIGURES} figures")


def _check_trees(node: _Node) -> None:
    """Every node but a tree's first has one parent at most, the first has none: no circle can be reached."""
    ints, modes = node.ints, node.strings.get("nodes_modes", [])
    columns = [
        ints.get(f"nodes_{name}", []) for name in ("treeids", "nodeids", "truenodeids", "falsenodeids")
    ]
    if {len(column) for column in columns} != {len(modes)} or not modes:
        raise GraphError("holds trees whose lists differ in length")
    had_parent = _firsts(columns[0], columns[1])
    for tree, one, yes, no, mode in zip(*columns, modes, strict=True):
        for child in (yes, no) if mode != "LEAF" else ():
            if had_parent.get((tree, child), True):
                raise GraphError(f"tree {tree}: node {one} has the child {child}, which cannot be")
            had_parent[tree, child] = True


def _firsts(trees: list[int], nodes: list[int]) -> dict[tuple[int, int], bool]:
    """Every node by tree and number; True where it begins its tree and so may be nobody's child."""
    found: dict[tuple[int, int], bool] = {}
    begun: set[int] = set()
    before: int | None = None
    for tree, node in zip(trees, nodes, strict=True):
        if (tree, node) in found or (tree != before and tree in begun):
            raise GraphError(f"tree {tree}: node {node} stands there twice, or apart from its tree")
        found[tree, node] = tree != before
        begun.add(tree)
        before = tree
    return found
