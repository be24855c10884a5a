"""Names of models: a symbol's own, its cluster's, the general one, and what is read from them."""

import pytest

from bot.domain.model import GENERAL, cluster_name, cluster_of, is_pooled
from bot.ml.card import check_symbol
from bot.ml.model import ModelError


def test_a_cluster_is_named_by_its_number() -> None:
    assert (cluster_name(0), cluster_name(12)) == ("_cluster-0", "_cluster-12")
    assert [cluster_of(cluster_name(number)) for number in (0, 7, 12, 999)] == [0, 7, 12, 999]


@pytest.mark.parametrize(
    "name",
    [GENERAL, "XRPUSDT", "_cluster-", "_cluster-x", "_cluster--1", "_cluster-²", "cluster-1", "_other-1", ""],
)
def test_other_names_are_of_no_cluster(name: str) -> None:
    assert cluster_of(name) is None


def test_the_general_one_and_those_of_clusters_speak_for_several() -> None:
    assert GENERAL == "_general"
    assert is_pooled(GENERAL)
    assert is_pooled(cluster_name(3))
    assert not is_pooled("XRPUSDT")


def test_these_names_are_allowed_and_no_others_like_them() -> None:
    for name in (GENERAL, cluster_name(0), cluster_name(999), "XRPUSDT"):
        assert check_symbol(name) == name
    for name in ("_generals", cluster_name(1000), "_cluster-", "general", "_x"):
        with pytest.raises(ModelError, match=r"allowed; capital letters .*, _general, or _cluster-NUMBER"):
            check_symbol(name)
