"""Models written as ONNX, with figures of 64 bits as the trainer has them, and held to the trainer's own scores.

The converters at hand compare trees' figures in 32 bits, which sends rows down other branches; so the graphs are built
here, of plain operators that `bot.ml.kinds.graphs` allows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot.domain.errors import QuarterdeckError
from bot.ml.feature import Matrix
from bot.ml.kinds.session import Session
from bot.strategy import Array
from research.learning.boosting import Boosted
from research.learning.network import CLIPPED, Network
from research.learning.trees import Table, trees_of

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

ROWS, SCORE, DOMAIN = "rows", "probability", "ai.onnx.ml"
OPSET, LEARNED_OPSET, IR = 17, 3, 8
MISSING = -1e30
"""Stands for a missing figure at the graph's door, and is one again behind it: trees know what to do with it."""
TINY = float(np.float32(1e-35))
"""LightGBM takes figures no farther from zero than this for zero."""
NEAR = 1e-6
"""How far a score may lie from the trainer's."""


class ExportError(QuarterdeckError):
    """A model cannot be written as ONNX; one line says why."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file's bytes, what stands for missing figures, and the farthest score from the trainer's."""

    content: bytes
    imputation: tuple[float, ...]
    farthest: float


def export(model: Boosted | Network, rows: Matrix) -> Exported:
    """Write a model and score `rows` with the file. Raises ExportError where a score lies too far away."""
    content, imputation = _written(model)
    known = np.where(np.isnan(rows), imputation, rows)
    found = Session(content, rows.shape[1]).scores(known)
    farthest = float(np.abs(found - model.scores(rows)).max()) if len(rows) else 0.0
    if not farthest <= NEAR:
        raise ExportError(f"the ONNX file scores {farthest:.2g} away from the model; allowed: {NEAR:g}")
    return Exported(content, tuple(imputation.tolist()), farthest)


def _written(model: Boosted | Network) -> tuple[bytes, Array]:
    try:
        import onnx  # noqa: F401 - an extra
    except ImportError:
        raise ExportError("onnx is not installed; exports need Quarterdeck's extra `onnx`") from None
    if isinstance(model, Boosted):
        return _trees(model)
    return _network(model), model.imputation


def _trees(model: Boosted) -> tuple[bytes, Array]:
    from onnx import helper

    table, width = trees_of(model.booster)
    nodes = [
        helper.make_node("Less", [ROWS, "near_missing"], ["is_missing"]),
        helper.make_node("Abs", [ROWS], ["size"]),
        helper.make_node("LessOrEqual", ["size", "tiny"], ["is_zero"]),
        helper.make_node("Where", ["is_zero", "zero", ROWS], ["plain"]),
        helper.make_node("Where", ["is_missing", "nan", "plain"], ["known"]),
        _ensemble(table),
        helper.make_node("Sigmoid", ["odds"], [SCORE]),
    ]
    constants = {"near_missing": MISSING / 10, "nan": np.nan, "tiny": TINY, "zero": 0.0}
    figures = [_figure(name, np.array(value)) for name, value in constants.items()]
    return _graph(nodes, figures, width, double_out=False), np.full(width, MISSING)


def _ensemble(table: Table) -> "NodeProto":
    """All trees as one operator, their figures in 64 bits."""
    from onnx import helper, numpy_helper

    node = helper.make_node("TreeEnsembleRegressor", ["known"], ["odds"], domain=DOMAIN)
    attributes: dict[str, object] = {"n_targets": 1, "aggregate_function": "SUM", "post_transform": "NONE"}
    for name, column in table.items():
        if name in {"nodes_values", "target_weights"}:
            tensor = numpy_helper.from_array(np.array(column, np.float64), name)
            attributes[f"{name}_as_tensor"] = tensor
        else:
            attributes[name] = column
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return node


def _network(model: Network) -> bytes:
    from onnx import helper

    nodes = [
        helper.make_node("Sub", [ROWS, "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["standard"]),
        helper.make_node("Max", ["standard", "lowest"], ["above"]),
        helper.make_node("Min", ["above", "highest"], ["layer0"]),
    ]
    figures = [_figure("mean", model.mean), _figure("scale", model.scale)]
    figures += [_figure("lowest", np.array(-CLIPPED)), _figure("highest", np.array(CLIPPED))]
    for number, layer in enumerate(model.layers, 1):
        last = number == len(model.layers)
        figures += [_figure(f"weights{number}", layer.weights), _figure(f"bias{number}", layer.bias)]
        nodes += [
            helper.make_node("MatMul", [f"layer{number - 1}", f"weights{number}"], [f"product{number}"]),
            helper.make_node("Add", [f"product{number}", f"bias{number}"], [f"sum{number}"]),
            helper.make_node(
                "Sigmoid" if last else "Relu", [f"sum{number}"], [SCORE if last else f"layer{number}"]
            ),
        ]
    return _graph(nodes, figures, len(model.mean), double_out=True)


def _figure(name: str, values: Array) -> "TensorProto":
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)


def _graph(nodes: "list[NodeProto]", figures: "list[TensorProto]", width: int, *, double_out: bool) -> bytes:
    from onnx import TensorProto, helper

    out = TensorProto.DOUBLE if double_out else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "quarterdeck",
        [helper.make_tensor_value_info(ROWS, TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info(SCORE, out, [None, 1])],
        figures,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, LEARNED_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="quarterdeck")
    return bytes(model.SerializeToString())
