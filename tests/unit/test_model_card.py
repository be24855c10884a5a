"""Cards of models: written and read without loss, and every way of being wrong named in one line."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from math import inf, nan
from typing import Any

import model_kit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ml.card import LATEST_MS, Card, Metrics, Span, Verdict, card_of, card_text
from bot.ml.model import ModelError

CARD = model_kit.card(version="v0001")


def plain() -> dict[str, Any]:
    found = json.loads(card_text(CARD))
    assert isinstance(found, dict)
    return found


def refusal(changed: dict[str, Any]) -> str:
    with pytest.raises(ModelError) as caught:
        card_of(json.dumps(changed).encode(), "composite/XRPUSDT/v0001/card.json")
    said = str(caught.value)
    assert "\n" not in said
    prefix, _, rest = said.partition(": ")
    assert prefix == "composite/XRPUSDT/v0001/card.json"
    return rest


def test_a_card_comes_back_as_it_was() -> None:
    assert card_of(card_text(CARD)) == CARD


def test_an_onnx_card_comes_back_as_it_was() -> None:
    card = replace(
        model_kit.card(kind="onnx"),
        comparison=Verdict("leave off", "no trade", {"pf_on": None}),
        metrics=Metrics(None, None, None, None),
    )
    assert card_of(card_text(card)) == card


def test_every_key_is_wanted_and_no_other() -> None:
    for field in fields(Card):
        lacking = plain()
        del lacking[field.name]
        assert refusal(lacking).startswith(f"{field.name} is missing; ")
    assert refusal(plain() | {"pickle": "gASV"}).startswith(
        "pickle is not known; allowed: strategy, symbol, version,"
    )


def test_keys_stay_on_their_line() -> None:
    assert refusal(plain() | {"x\ny\u2028" + "z" * 99: 1}).startswith(r"'x\ny\u2028zzz")
    changed = plain()
    changed["parameters"]["a\nb"] = []
    assert refusal(changed).startswith(r"parameters.'a\nb': a list is not allowed")


WRONG: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda c: c.update(threshold="0.5"), "threshold: '0.5' is not allowed; a finite number"),
    (lambda c: c.update(threshold=1.5), "threshold: 1.5 is not allowed; 0 to 1"),
    (lambda c: c.update(rows=True), "rows: true is not allowed; a whole number"),
    (lambda c: c.update(rows=600.0), "rows: 600.0 is not allowed; a whole number"),
    (lambda c: c.update(kind="pickle"), "kind: 'pickle' is not allowed; lightgbm or onnx"),
    (lambda c: c.update(advice="maybe"), "advice: 'maybe' is not allowed; on or shadow or off"),
    (lambda c: c.update(features="rsi"), "features: 'rsi' is not allowed; a list"),
    (lambda c: c.update(features=[]), "features: 0 names; 1 to 1000 are allowed"),
    (
        lambda c: c["features"].__setitem__(0, "a b"),
        "features: 'a b' is not allowed; small letters, digits and _, at most 64",
    ),
    (lambda c: c["features"].__setitem__(0, "adx"), "features: a name stands there twice"),
    (lambda c: c["trained"].pop("to_ms"), "trained.to_ms is missing; a whole number"),
    (lambda c: c["trained"].update(to_ms=0), "trained: ends before it begins"),
    (lambda c: c["metrics"].update(auc=1.01), "metrics.auc: 1.01 is not allowed; 0 to 1"),
    (
        lambda c: c["folds"][0].update(train=3),
        "folds[0].train: 3 is not allowed; an object with from_ms, to_ms",
    ),
    (lambda c: c["folds"][0]["metrics"].update(f1=1), "folds[0].metrics.f1 is not known; allowed: auc, "),
    (lambda c: c["sources"].update(hold="many"), "sources.hold: 'many' is not allowed; a whole number"),
    (lambda c: c["sources"].update(hold=449), "sources: the counts must add up to 600 rows"),
    (lambda c: c.update(positives=601), "positives: 601 of 600 rows; 0 to rows are allowed"),
    (
        lambda c: c["parameters"].update(a=[1]),
        "parameters.a: a list is not allowed; true or false or a whole number",
    ),
    (lambda c: c.update(model_sha256="0" * 63), "model_sha256: '000"),
    (lambda c: c.update(feature_hash=""), "feature_hash: '' is not allowed; 64 hexadecimal digits"),
    (
        lambda c: c.update(symbol="../../etc"),
        "symbol: '../../etc' is not allowed; capital letters and digits",
    ),
    (lambda c: c.update(strategy="a/b"), "strategy: 'a/b' is not allowed; small letters"),
    (lambda c: c.update(version=".."), "version: '..' is not allowed; small letters"),
    (lambda c: c.update(canary=[]), "canary: 0 rows; 1 to 64 are allowed"),
    (lambda c: c["canary"][1]["row"].pop(), "canary[1].row: 3 figures for 4 features"),
    (
        lambda c: c["canary"][1]["row"].__setitem__(0, "x"),
        "canary[1].row[0]: 'x' is not allowed; a finite number",
    ),
    (lambda c: c["canary"][0].update(score=-0.1), "canary[0].score: -0.1 is not allowed; 0 to 1"),
    (lambda c: c.update(imputation=[0.0]), "imputation: 1 figures for 4 features; one for each, or none"),
    (lambda c: c.update(kind="onnx"), "imputation: missing; an ONNX model needs one figure for each feature"),
    (lambda c: c["importances"][0].update(feature="x"), "importances: 'x' is none of the features"),
    (lambda c: c["calibration"].reverse(), "calibration: bins must follow each other"),
    (
        lambda c: c.update(ablation=[]),
        "ablation: a list is not allowed; an object with word, reason, figures",
    ),
    (lambda c: c.update(seed=-1), "seed and created_at_ms: 0 or more is allowed"),
]


@pytest.mark.parametrize("change, said", WRONG, ids=[said[:50] for _, said in WRONG])
def test_what_is_wrong_is_said_with_what_is_allowed(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    changed = plain()
    change(changed)
    assert refusal(changed).startswith(said)


@pytest.mark.parametrize(
    "text, said",
    [
        (b"", "is no JSON, line 1 column 1"),
        (b"\x80\x04\x95", "is not UTF-8 text"),
        (b"[1]", "the whole: a list is not allowed; an object with strategy"),
        (b'{"rows": 1, "rows": 2}', "'rows' stands there twice; once is allowed"),
        (b'{"rows": NaN}', "NaN is no number of JSON; a finite number is allowed"),
        (b'{"rows": ' + b"9" * 6000 + b"}", "holds a number that is too long"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"strategy": "\xff"}', "is not UTF-8 text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_card_at_all(text: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=r"^card\.json: ") as caught:
        card_of(text)
    assert str(caught.value).startswith(f"card.json: {said}")


def test_a_number_without_end_is_refused_both_ways() -> None:
    with pytest.raises(ModelError, match=r"threshold: 1e999|threshold: inf"):
        card_of(card_text(CARD).replace(b'"threshold": 0.55', b'"threshold": 1e999'))
    for bad in (nan, inf):
        with pytest.raises(ModelError, match=r"finite|not allowed"):
            card_text(replace(CARD, ablation=Verdict("useful", "", {"drop": bad})))
        with pytest.raises(ModelError, match="threshold"):
            card_text(replace(CARD, threshold=bad))


def test_what_would_not_be_read_is_not_written() -> None:
    with pytest.raises(ModelError, match="trained: ends before it begins"):
        card_text(replace(CARD, trained=Span(2, 1)))


@given(st.floats(0, 1), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, LATEST_MS - 1))
def test_figures_come_back_to_the_digit(share: float, figure: float, at_ms: int) -> None:
    card = replace(
        CARD,
        threshold=share,
        imputation=(figure,) * 4,
        created_at_ms=at_ms,
        ablation=Verdict("é\n\u2028", '"', {"x": figure}),
    )
    assert card_of(card_text(card)) == card


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
)
def test_whatever_stands_in_a_key_is_taken_or_refused(value: object) -> None:
    for key in ("rows", "features", "metrics", "canary", "parameters", "ablation", "threshold"):
        text = json.dumps(plain() | {key: value}).encode()
        with suppress(ModelError):
            assert isinstance(card_of(text), Card)
