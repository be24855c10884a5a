"""LightGBM's trees as the columns that ONNX has for them."""

from typing import cast

import lightgbm
import numpy as np

from bot.domain.errors import QuarterdeckError
from bot.ml.feature import Matrix

type Table = dict[str, list[int] | list[float] | list[str]]
type Node = dict[str, object]

MOST_SPLITS, HOLED = 700, 0.2
NO_FIGURE = 1e100
"""A split beyond this asks only whether a figure is missing."""
INTS = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids",
    "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids",
)  # fmt: skip


class StrangeTree(QuarterdeckError):
    """A tree holds what cannot be written as ONNX; one line says what."""


def trees_of(booster: lightgbm.Booster) -> tuple[Table, int]:
    """Columns of all nodes and leaves, and the number of features. Raises StrangeTree."""
    dumped = booster.dump_model()
    table: Table = {name: [] for name in (*INTS, "nodes_values", "nodes_modes", "target_weights")}
    for number, tree in enumerate(dumped["tree_info"]):
        _Tree(table, number).add(cast("Node", tree["tree_structure"]))
    return table, int(dumped["max_feature_idx"]) + 1


def probes(booster: lightgbm.Booster, rows: Matrix) -> Matrix:
    """Rows to compare a written model on: those given, with holes, and at the splits themselves and a hair beside."""
    dumped = trees_of(booster)[0]
    places, values = np.array(dumped["nodes_featureids"]), np.array(dumped["nodes_values"])
    inner = (np.array(dumped["nodes_modes"]) != "LEAF") & (np.abs(values) < NO_FIGURE)
    splits = np.unique(np.stack((places[inner], values[inner]), axis=1), axis=0)
    step = max(1, len(splits) // MOST_SPLITS)
    edges = [_moved(rows[:1], int(place), value) for place, value in splits[::step]]
    holed = np.where(np.random.default_rng(0).random(rows.shape) < HOLED, np.nan, rows)
    return np.vstack([rows, holed, np.full((1, rows.shape[1]), np.nan), *edges])


def _moved(row: Matrix, place: int, value: float) -> Matrix:
    found = np.repeat(row, 3, axis=0)
    found[:, place] = np.nextafter(value, -np.inf), value, np.nextafter(value, np.inf)
    return found


class _Tree:
    """Writes one tree, each node before its children."""

    def __init__(self, table: Table, number: int) -> None:
        self._table = table
        self._number = number
        self._next = 0

    def add(self, node: Node) -> int:
        """A node and all below it; answers its number within the tree."""
        mine = self._next
        self._next += 1
        if "leaf_value" in node:
            self._leaf(mine, cast("float", node["leaf_value"]))
            return mine
        at = len(self._table["nodes_nodeids"])
        self._split(mine, node)
        children = (self.add(cast("Node", node[side])) for side in ("left_child", "right_child"))
        for name, child in zip(("nodes_truenodeids", "nodes_falsenodeids"), children, strict=True):
            cast("list[int]", self._table[name])[at] = child
        return mine

    def _leaf(self, mine: int, value: float) -> None:
        self._row(mine, feature=0, value=0.0, mode="LEAF", missing_true=0)
        for name, figure in (("target_treeids", self._number), ("target_nodeids", mine), ("target_ids", 0)):
            cast("list[int]", self._table[name]).append(figure)
        cast("list[float]", self._table["target_weights"]).append(value)

    def _split(self, mine: int, node: Node) -> None:
        threshold, kind = cast("float", node["threshold"]), node["missing_type"]
        if node["decision_type"] != "<=" or kind not in {"None", "NaN"}:
            raise StrangeTree(f"tree {self._number}: a split by {node['decision_type']} and {kind}")
        # Without a missing figure in training LightGBM takes a missing one for 0
        left = bool(node["default_left"]) if kind == "NaN" else threshold >= 0.0
        self._row(mine, cast("int", node["split_feature"]), threshold, "BRANCH_LEQ", int(left))

    def _row(self, mine: int, feature: int, value: float, mode: str, missing_true: int) -> None:
        figures = {
            "nodes_treeids": self._number, "nodes_nodeids": mine, "nodes_featureids": feature,
            "nodes_truenodeids": 0, "nodes_falsenodeids": 0, "nodes_missing_value_tracks_true": missing_true,
        }  # fmt: skip
        for name, figure in figures.items():
            cast("list[int]", self._table[name]).append(figure)
        cast("list[float]", self._table["nodes_values"]).append(value)
        cast("list[str]", self._table["nodes_modes"]).append(mode)
