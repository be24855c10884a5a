"""LightGBM models from text: written anew without a difference in any answer; what is not as it must be is refused."""

import os
import re
import subprocess
import sys
from math import nan
from pathlib import Path

import lightgbm
import model_kit
import numpy as np
import pytest

from bot.ml.card import Card, card_text
from bot.ml.kinds import lightgbm_text
from bot.ml.kinds.trees import TreeError, rewritten
from bot.ml.model import ModelError

TEXT = model_kit.text().decode()
FEATURES = model_kit.FEATURES
CARD = model_kit.card()


def load(content: bytes, card: Card = CARD) -> lightgbm_text.LightGBMModel:
    return lightgbm_text.load(content, card, "composite/XRPUSDT/v0001/model.txt")


def test_it_answers_what_the_trainers_booster_answers() -> None:
    rows, booster = model_kit.rows(500, 7), model_kit.booster()
    model = load(model_kit.text())
    assert (model.scores(rows) == booster.predict(rows)).all()
    assert (model.contributions(rows) == np.asarray(booster.predict(rows, pred_contrib=True))[:, :-1]).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "parameters",
    [
        {
            "num_leaves": 31,
            "max_depth": 6,
            "bagging_fraction": 0.6,
            "bagging_freq": 1,
            "feature_fraction": 0.5,
        },
        {"boosting": "dart", "num_leaves": 15},
        {"boosting": "goss", "min_child_samples": 1, "num_leaves": 63},
        {"use_missing": False},
        {"zero_as_missing": True},
        {"min_child_samples": 400},
        {"is_unbalance": True, "reg_alpha": 1.0, "reg_lambda": 1.0, "sigmoid": 2.0},
    ],
    ids=str,
)
def test_models_of_every_training_are_the_same_written_anew(parameters: dict[str, object], seed: int) -> None:
    given = model_kit.rows(600, seed, 6)
    given[:, 5] = np.random.default_rng(seed).integers(-1, 2, 600)
    given[given[:, 4] > 1.5, 4] = nan
    target = (np.nan_to_num(given[:, 0]) + given[:, 5] > 0.5).astype(float)
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed} | parameters,
        lightgbm.Dataset(given, target),
        25,
    )
    names = tuple(f"f{index}" for index in range(6))
    text = rewritten(booster.model_to_string(), names)
    asked = np.vstack([model_kit.rows(400, seed + 50, 6), np.zeros((1, 6)), np.full((1, 6), nan), given])
    again = lightgbm.Booster(model_str=text)
    assert (again.predict(asked) == booster.predict(asked)).all()
    assert (again.predict(asked, pred_contrib=True) == booster.predict(asked, pred_contrib=True)).all()
    assert rewritten(again.model_to_string(), names) == text


def test_a_score_does_not_depend_on_who_else_is_asked() -> None:
    model, rows = load(model_kit.text()), model_kit.rows(263)
    together = model.scores(rows)
    assert [model.scores(row[None])[0] for row in rows] == together.tolist()
    assert (model.scores(rows[::-1])[::-1] == together).all()
    assert (model.scores(np.asfortranarray(rows)) == together).all()


def test_rows_of_another_width_are_refused() -> None:
    model = load(model_kit.text())
    for shape in ((1, 3), (1, 5), (4,)):
        with pytest.raises(ModelError, match="takes 4 features"):
            model.scores(np.zeros(shape))


def first(key: str, value: str) -> str:
    return re.sub(rf"^{key}=\S*", f"{key}={value}", TEXT, count=1, flags=re.MULTILINE)


WRONG = {
    "a child leads back": (first("left_child", "0"), "tree 0: node 0 has the child 0, which cannot be"),
    "a child leads nowhere": (first("left_child", "2000000"), "tree 0: node 0 has the child 2000000"),
    "a leaf that is not there": (first("left_child", "-100"), "tree 0: node 0 has the child -100"),
    "two parents": (first("right_child", "-1"), "tree 0: a node or leaf has no parent, or two"),
    "a feature that is not there": (first("split_feature", "4"), "tree 0: split_feature names a feature"),
    "no feature": (first("split_feature", "-1"), "tree 0: split_feature names a feature"),
    "a feature in words": (
        first("split_feature", "rsi"),
        "tree 0: split_feature: holds what is no whole number",
    ),
    "leaves without end": (
        first("num_leaves", "2000000000"),
        "tree 0: num_leaves: holds what is no whole number up to",
    ),
    "more leaves than figures": (first("num_leaves", "8"), "tree 0: leaf_value: 7 figures where 8 belong"),
    "negative leaves": (first("num_leaves", "-5"), "tree 0: -5 leaves; 1 to 1024 are allowed"),
    "a leaf is NaN": (first("leaf_value", "nan"), "tree 0: leaf_value: holds what is no number"),
    "a leaf without end": (first("leaf_value", "1e999"), "tree 0: leaf_value: holds a number without end"),
    "a leaf too large": (first("leaf_value", "1e300"), "tree 0: leaf_value beyond 1e+09"),
    "a threshold is NaN": (first("threshold", "nan"), "tree 0: threshold: holds what is no number"),
    "a figure that Python alone reads": (
        first("threshold", "1_0"),
        "tree 0: threshold: holds what is no number",
    ),
    "categories": (first("num_cat", "1"), "tree 0: num_cat '1' is not allowed; 0"),
    "a split by category": (first("decision_type", "1"), "tree 0: decision_type is not allowed"),
    "linear leaves": (first("is_linear", "1"), "tree 0: is_linear '1' is not allowed; 0"),
    "counts of nothing": (first("leaf_count", "0"), "tree 0: leaf_count: below 1"),
    "three classes": (first("num_class", "3"), "header: num_class '3' is not allowed; 1"),
    "another version": (first("version", "v9"), "header: version 'v9' is not allowed; v4"),
    "another objective": (TEXT.replace("=binary sigmoid:1", "=regression"), "header: objective 'regression'"),
    "a sigmoid of NaN": (
        TEXT.replace("sigmoid:1", "sigmoid:nan"),
        "header: sigmoid: holds what is no number",
    ),
    "a flat sigmoid": (TEXT.replace("sigmoid:1", "sigmoid:0"), "header: sigmoid 0.0 is not allowed"),
    "features in another order": (
        TEXT.replace("rsi macd_hist", "macd_hist rsi"),
        "header: feature_names are not those of the card, in their order",
    ),
    "an average": (TEXT.replace("\ntree_sizes", "\naverage_output\ntree_sizes"), "header: 'average_output'"),
    "a key twice": (
        TEXT.replace("num_cat=0", "num_cat=0\nnum_cat=0", 1),
        "tree 0: num_cat stands there twice",
    ),
    "a key is missing": (TEXT.replace("num_cat=0\n", "", 1), "tree 0: num_cat is missing"),
    "a tree is missing": (
        re.sub(r"Tree=1\n.*?(?=Tree=2)", "", TEXT, flags=re.DOTALL),
        "tree 1: begins with 'Tree=2'",
    ),
    "no tree": (TEXT[: TEXT.index("Tree=0")] + "end of trees\n", "holds no tree"),
    "cut off": (TEXT[: TEXT.index("end of trees") - 100], "is cut off: the line `end of trees` is missing"),
    "nothing": ("", "is no LightGBM text model: the first line must be `tree`"),
    "Windows": (TEXT.replace("\n", "\r\n"), "is no LightGBM text model"),
}


@pytest.mark.parametrize("text, said", WRONG.values(), ids=WRONG)
def test_what_is_not_as_it_must_be_is_refused(text: str, said: str) -> None:
    assert text != TEXT
    with pytest.raises(TreeError) as caught:
        rewritten(text, FEATURES)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"^composite/XRPUSDT/v0001/model.txt: "):
        load(text.encode())


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(TreeError, match="takes 4 features, the card names 3"):
        rewritten(TEXT, FEATURES[:3])


def test_a_chain_of_nodes_too_deep_is_refused() -> None:
    leaves = 70
    chain = " ".join(str(child) for child in [*range(1, leaves - 1), -leaves])
    figures = {
        "split_feature": "0", "split_gain": "1", "threshold": "0.5", "decision_type": "2",
        "internal_value": "0", "internal_weight": "1", "internal_count": "9",
    }  # fmt: skip
    tree = ["Tree=0", f"num_leaves={leaves}", "num_cat=0", f"left_child={chain}"]
    tree += [f"right_child={' '.join(str(-leaf) for leaf in range(1, leaves))}"]
    tree += [f"{key}={' '.join([value] * (leaves - 1))}" for key, value in figures.items()]
    tree += [f"{key}={' '.join(['1'] * leaves)}" for key in ("leaf_value", "leaf_weight", "leaf_count")]
    text = TEXT[: TEXT.index("Tree=0")] + "\n".join([*tree, "is_linear=0", "shrinkage=1", "end of trees", ""])
    with pytest.raises(TreeError, match="tree 0: deeper than 64 levels"):
        rewritten(text, FEATURES)


def test_parameters_of_the_file_do_not_reach_the_library() -> None:
    hostile = TEXT.replace(
        "[num_threads: 1]", "[num_threads: 999]\n[output_model: /tmp/x]\n[machines: 127.0.0.1]"
    )
    assert hostile != TEXT
    assert rewritten(hostile, FEATURES) == rewritten(TEXT, FEATURES)
    assert "parameters" not in rewritten(TEXT, FEATURES)


FORKED = """
import os, signal, sys
sys.path[:0] = [sys.argv[1]]
import numpy as np
from bot.ml.card import card_of
from bot.ml.kinds import lightgbm_text

def load():
    card, content = (open(path, "rb").read() for path in sys.argv[2:])
    return lightgbm_text.load(content, card_of(card), "model.txt")

model = load()
if (child := os.fork()) == 0:
    signal.alarm(30)
    os._exit(0 if (load().scores(np.ones((300, 4))) == model.scores(np.ones((300, 4)))).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_worker_forked_from_a_desk_with_models_can_load_and_score(tmp_path: Path) -> None:
    """LightGBM's threads do not come along with a fork; whoever waits for them waits for ever."""
    (tmp_path / "card.json").write_bytes(card_text(model_kit.card()))
    (tmp_path / "model.txt").write_bytes(model_kit.text())
    words = [str(Path(model_kit.__file__).parent), str(tmp_path / "card.json"), str(tmp_path / "model.txt")]
    command = [sys.executable, "-W", "ignore", "-c", FORKED, *words]
    environment = os.environ | {"OMP_NUM_THREADS": "4"}
    done = subprocess.run(command, timeout=60, check=False, env=environment, cwd=Path(__file__).parents[2])
    assert done.returncode == 0
