"""ONNX models: exported ones answer as their makers do; what could loop, draw lots or read files is refused."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import nan
from pathlib import Path

import model_kit
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bot.ml import files, writing
from bot.ml.card import Canary, Card
from bot.ml.kinds import graphs, onnx_file
from bot.ml.loaded import load_model, rows_of
from bot.ml.model import ModelError

CARD = model_kit.card(kind="onnx")
FILE = "composite/XRPUSDT/v0001/model.onnx"
ROWS = np.nan_to_num(model_kit.rows(263, 9))


def load(content: bytes, card: Card = CARD) -> onnx_file.OnnxModel:
    return onnx_file.load(content, card, FILE)


def made(
    nodes: Sequence[object],
    *,
    given: tuple[int, Sequence[object]] = (TensorProto.FLOAT, ["n", 4]),
    answers: Sequence[tuple[str, int, Sequence[object]]] = (("score", TensorProto.FLOAT, ["n", 1]),),
    figures: Sequence[TensorProto] = (),
) -> ModelProto:
    """A model of these operators from `rows` to its outputs."""
    graph = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info("rows", *given)],
        [helper.make_tensor_value_info(*answer) for answer in answers],
        list(figures),
    )
    imports = [
        helper.make_opsetid("", 17),
        helper.make_opsetid("ai.onnx.ml", 3),
        helper.make_opsetid("evil", 1),
    ]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def weights(shape: tuple[int, ...] = (4, 1), kind: type = np.float32, name: str = "w") -> TensorProto:
    return numpy_helper.from_array(np.linspace(-1, 1, int(np.prod(shape))).reshape(shape).astype(kind), name)


def node(operator: str, inputs: str, outputs: str, **more: object) -> object:
    return helper.make_node(operator, inputs.split(), outputs.split(), **more)


LINEAR = (node("MatMul", "rows w", "sum"), node("Sigmoid", "sum", "score"))


def linear_scores(rows: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(rows @ np.linspace(-1, 1, 4))))


def refusal(model: ModelProto | bytes, card: Card = CARD) -> str:
    with pytest.raises(ModelError) as caught:
        load(model if isinstance(model, bytes) else model.SerializeToString(), card)
    said = str(caught.value)
    assert said.startswith(f"{FILE}: ")
    assert "\n" not in said
    return said.removeprefix(f"{FILE}: ")


def test_a_booster_exported_answers_as_the_booster() -> None:
    scores = load(model_kit.onnx_booster()).scores(ROWS)
    assert np.abs(scores - np.asarray(model_kit.booster().predict(ROWS))).max() < 1e-6


def test_a_neural_network_exported_answers_as_the_network() -> None:
    scores = load(model_kit.onnx_network()).scores(ROWS)
    assert np.abs(scores - model_kit.network().predict_proba(ROWS)[:, 1]).max() < 1e-5
    assert np.corrcoef(scores, ROWS[:, 0])[0, 1] > 0.5


def test_a_score_does_not_depend_on_who_else_is_asked() -> None:
    model = load(model_kit.onnx_network())
    together = model.scores(ROWS)
    assert [model.scores(row[None])[0] for row in ROWS] == together.tolist()
    assert (model.scores(ROWS[::-1])[::-1] == together).all()


def test_missing_inputs_are_filled_from_the_card() -> None:
    model = load(made(LINEAR, figures=[weights()]).SerializeToString())
    holes, filled = np.array([[nan, 1, nan, 2.0]]), np.array([[0.0, 1, 0.2, 2.0]])
    assert CARD.imputation == (0.0, 0.1, 0.2, 0.3)
    assert model.scores(holes) == model.scores(filled) == pytest.approx(linear_scores(filled))
    assert np.isnan(holes[0, 0]), "the caller's rows stay as they are"
    assert model.contributions(holes) is None


SHAPES = {
    "n": made(
        (*LINEAR[:1], node("Sigmoid", "sum", "s"), node("Squeeze", "s axes", "score")),
        answers=[("score", TensorProto.FLOAT, ["n"])],
        figures=[weights(), numpy_helper.from_array(np.array([1]), "axes")],
    ),
    "n 1": made(LINEAR, figures=[weights()]),
    "one row at a time": made(
        LINEAR,
        given=(TensorProto.FLOAT, [1, 4]),
        answers=[("score", TensorProto.FLOAT, [1, 1])],
        figures=[weights()],
    ),
    "double": made(
        LINEAR,
        given=(TensorProto.DOUBLE, ["n", 4]),
        answers=[("score", TensorProto.DOUBLE, ["n", 1])],
        figures=[weights(kind=np.float64)],
    ),
    "width not said": made(LINEAR, given=(TensorProto.FLOAT, ["n", "k"]), figures=[weights()]),
    "n 2": made(
        (
            *LINEAR[:1],
            node("Sigmoid", "sum", "s"),
            node("Sub", "one s", "not"),
            node("Concat", "not s", "score", axis=1),
        ),
        answers=[("score", TensorProto.FLOAT, ["n", 2])],
        figures=[weights(), numpy_helper.from_array(np.array([1], np.float32), "one")],
    ),
    "a class and a raw score beside": made(
        (*LINEAR[:1], node("Sigmoid", "sum", "probability"), node("ArgMax", "sum", "label", axis=1)),
        answers=[
            ("label", TensorProto.INT64, ["n", 1]),
            ("sum", TensorProto.FLOAT, ["n", 1]),
            ("probability", TensorProto.FLOAT, ["n", 1]),
        ],
        figures=[weights()],
    ),
}


@pytest.mark.parametrize("model", SHAPES.values(), ids=SHAPES)
def test_outputs_of_every_allowed_shape(model: ModelProto) -> None:
    scores = load(model.SerializeToString()).scores(ROWS[:5])
    assert scores.shape == (5,)
    assert scores == pytest.approx(linear_scores(ROWS[:5]), abs=1e-6)


def inner(*nodes: object) -> object:
    out = [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)]
    return helper.make_graph(list(nodes), "inner", [], out)


def external() -> ModelProto:
    model = made(LINEAR, figures=[weights()])
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"
    return model


def trees(**changes: list[int]) -> ModelProto:
    lists = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "nodes_featureids": [0, 0, 0],
    } | changes
    modes = [
        "BRANCH_LEQ" if yes or no else "LEAF" for yes, no in zip(*list(lists.values())[2:4], strict=True)
    ]
    one = helper.make_node(
        "TreeEnsembleRegressor", ["rows"], ["score"], domain="ai.onnx.ml", n_targets=1,
        nodes_values=[0.0] * 3, nodes_modes=modes, target_treeids=[0, 0], target_nodeids=[1, 2],
        target_ids=[0, 0], target_weights=[0.25, 0.75], **lists,
    )  # fmt: skip
    return made([one])


def function() -> ModelProto:
    model = made([node("Mine", "rows", "score", domain="evil")])
    body = [node("Identity", "a", "b")]
    model.functions.append(
        helper.make_function("evil", "Mine", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    )
    return model


@cache
def _chain(width: int, length: int) -> ModelProto:
    """[n, 4] to [n, width], then products of width x width."""
    first = [node("MatMul", "rows a", "x0"), node("MatMul", "b a2", "big")]
    steps = [node("MatMul", f"x{index} big", f"x{index + 1}") for index in range(length)]
    last = [node("MatMul", f"x{length} c", "sum"), node("Sigmoid", "sum", "score")]
    figures = [weights((4, width), name="a"), weights((width, 1), name="b"), weights((1, width), name="a2")]
    return made([*first, *steps, *last], figures=[*figures, weights((width, 1), name="c")])


WRONG = {
    "a loop": (
        made([node("Loop", "m c rows", "score", body=inner(node("Identity", "rows", "o")))]),
        "holds a graph within an operator",
    ),
    "a branch": (
        made([node("If", "c", "score", then_branch=inner(), else_branch=inner())]),
        "holds a graph within an operator",
    ),
    "chance": (made([node("RandomUniformLike", "rows", "score")]), "uses the operator 'RandomUniformLike'"),
    "room for nothing": (made([node("ConstantOfShape", "rows", "score")]), "uses the operator 'ConstantOfShape'"),
    "another's operator": (
        made([node("Run", "rows", "score", domain="evil")]),
        "uses the operator 'evil.Run', which is not allowed",
    ),
    "Microsoft's operator": (
        made([node("Tokenizer", "rows", "score", domain="com.microsoft")]),
        "uses the operator 'com.microsoft.Tokenizer'",
    ),
    "a function of its own": (function(), "holds functions of its own or training"),
    "figures in another file": (external(), "keeps figures in another file; all must be in this one"),
    "a tree in a circle": (trees(nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 1]), "tree 0: node 2 has"),
    "a tree into its root": (trees(nodes_falsenodeids=[2, 1, 0], nodes_truenodeids=[1, 0, 0]), "tree 0: node 1"),
    "a tree to nowhere": (trees(nodes_falsenodeids=[9, 0, 0]), "tree 0: node 0 has the child 9"),
    "a tree in pieces": (trees(nodes_treeids=[0, 1, 0]), "tree 0: node 2 stands there twice, or apart"),
    "a tree of lists that differ": (trees(nodes_treeids=[0, 0]), "holds trees whose lists differ in length"),
    "five features": (
        made(LINEAR, given=(TensorProto.FLOAT, ["n", 5]), figures=[weights((5, 1))]),
        "takes 5 features, the card names 4",
    ),
    "whole numbers": (
        made([node("Cast", "rows", "score", to=1)], given=(TensorProto.INT64, ["n", 4])),
        "takes tensor(int64); tensor(float) or tensor(double) is allowed",
    ),
    "seven rows at a time": (
        made(LINEAR, given=(TensorProto.FLOAT, [7, 4]), figures=[weights()]),
        "takes the shape [7, 4]; [n, 4] is allowed",
    ),
    "a line": (
        made([node("Sigmoid", "rows", "score")], given=(TensorProto.FLOAT, ["n"])),
        "takes the shape ['n']; [n, 4] is allowed",
    ),
    "three classes": (
        made([node("MatMul", "rows w", "score")], figures=[weights((4, 3))], answers=[("score", 1, ["n", 3])]),
        "answers (1, 3) for a row; one output of [n], [n, 1]",
    ),
    "a class only": (
        made([node("ArgMax", "rows", "label", axis=1)], answers=[("label", TensorProto.INT64, ["n", 1])]),
        "has the outputs ['label']; one output of [n], [n, 1]",
    ),
    "two outputs, neither a probability": (
        made(LINEAR, answers=[("sum", 1, ["n", 1]), ("score", 1, ["n", 1])], figures=[weights()]),
        "has the outputs ['sum', 'score']; one output of",
    ),
    "an operator without its input": (made([node("Sigmoid", "nothing", "score")]), "the runtime refuses it"),
    "no operator": (made([]), "holds 0 operators; 1 to 5000 are allowed"),
    "more memory than there is": (_chain(60_000, 1), "the runtime cannot score", ),
    "no model": (b"", "is no ONNX model"),
    "a pickle": (b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00.", "is no ONNX model"),
    "text": (model_kit.text(), "is no ONNX model"),
    "half a model": (model_kit.onnx_network()[:900], "is no ONNX model, or is cut off"),
    "the runtime's own format": (b"\x20\x00\x00\x00ORTM" + bytes(64), "is no ONNX model"),
}  # fmt: skip


@pytest.mark.parametrize("model, said", WRONG.values(), ids=WRONG)
def test_what_is_not_allowed_is_refused(model: ModelProto | bytes, said: str) -> None:
    assert refusal(model).startswith(said)


def test_the_tree_that_was_made_wrong_above_is_fine_when_made_right() -> None:
    scores = load(trees().SerializeToString()).scores(np.array([[-1.0, 0, 0, 0], [1, 0, 0, 0]]))
    assert scores.tolist() == [0.25, 0.75]


def test_a_model_that_takes_too_long_for_a_row_is_refused() -> None:
    assert "ms for a row; at most 20 are allowed" in refusal(_chain(2_500, 40))


def test_without_the_runtime_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file.trial, "stands", lambda content, width: None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = "onnxruntime is not installed; ONNX models need Quarterdeck's extra `onnx`"
    assert refusal(model_kit.onnx_network()) == said


def test_importing_the_kind_does_not_need_the_runtime() -> None:
    code = "import sys; sys.modules['onnxruntime'] = None; import bot.ml.kinds.onnx_file, bot.ml.shelf"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def _written(root: Path, canary_scores: Sequence[float]) -> Card:
    asked = CARD.canary
    card = replace(
        CARD,
        canary=tuple(Canary(one.row, score) for one, score in zip(asked, canary_scores, strict=True)),
    )
    return writing.write_version(root, card, model_kit.onnx_network(), "", current=True)


def test_a_version_of_an_onnx_model_is_written_and_loaded(tmp_path: Path) -> None:
    model = load(model_kit.onnx_network())
    scores = model.scores(rows_of(CARD.canary))
    card = _written(tmp_path, scores.tolist())
    folder = files.version_folder(tmp_path, "composite", "XRPUSDT", card.version)
    assert (folder / "model.onnx").read_bytes() == model_kit.onnx_network()
    assert (load_model(folder, model_kit.hasher).model.scores(ROWS) == model.scores(ROWS)).all()


def test_an_onnx_model_that_answers_otherwise_than_its_trainer_is_not_written(tmp_path: Path) -> None:
    scores = load(model_kit.onnx_network()).scores(rows_of(CARD.canary))
    with pytest.raises(ModelError, match="for canary row 2, its trainer saw"):
        _written(tmp_path, [*scores[:2], scores[2] + (0.0001 if scores[2] < 0.5 else -0.0001), *scores[3:]])


def test_operators_of_both_exporters_are_allowed() -> None:
    for content in (model_kit.onnx_booster(), model_kit.onnx_network()):
        graphs.check(content)
