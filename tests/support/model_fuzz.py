"""Spoiled models fed to the loaders: `python model_fuzz.py KIND FILE SEED COUNT` says how many were tried, and used.

A process of its own, because what is tried here is whether it survives.
"""

import random
import sys
from pathlib import Path

import numpy as np

from bot.ml.kinds import graphs, lightgbm_text
from bot.ml.kinds.session import Session
from bot.ml.model import ModelError

FIGURES = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "3",
        "-7",
        "-8",
        "6",
        "7",
        "2147483647",
        "-2147483648",
        "4294967296",
        "99999999999999999999",
    ),
    *("nan", "inf", "-inf", "1e308", "-1e308", "1e999", "1e-320", "", " ", "0x10", "1,5", "\x00", "é"),
)
ROWS = np.vstack([np.random.default_rng(3).normal(size=(6, 4)), np.zeros((1, 4)), np.full((1, 4), 1e30)])


def bytes_spoiled(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, lost or added, or an end cut off."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found))
        match rng.randrange(5):
            case 0:
                found[at] = rng.randrange(256)
            case 1:
                del found[at : at + rng.randint(1, 9)]
            case 2:
                found[at:at] = rng.randbytes(rng.randint(1, 9))
            case 3:
                found[at] ^= 1 << rng.randrange(8)
            case _:
                del found[max(1, len(found) - rng.randrange(len(found) // 3)) :]
    return bytes(found)


def text_spoiled(content: bytes, rng: random.Random) -> bytes:
    """Figures replaced by worse ones, lines lost, doubled, exchanged; sometimes plain bytes."""
    if rng.random() < 0.2:
        return bytes_spoiled(content, rng)
    lines = content.decode().split("\n")
    end = lines.index("end of trees")
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randrange(end), rng.randrange(end)
        key, sign, value = lines[at].partition("=")
        match rng.randrange(6):
            case 0:
                del lines[at]
                end -= 1
            case 1:
                lines[at:at] = [lines[other]]
                end += 1
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case _ if sign:
                parts = value.split(" ")
                parts[rng.randrange(len(parts))] = rng.choice(FIGURES)
                lines[at] = f"{key}={' '.join(parts)}"
            case _:
                lines[at] = rng.choice(FIGURES)
    return "\n".join(lines).encode()


def try_text(content: bytes) -> np.ndarray:
    """Scores and contributions of a text model."""
    import model_kit

    model = lightgbm_text.load(content, model_kit.card(), "model.txt")
    assert np.isfinite(model.contributions(ROWS)).all()
    return model.scores(ROWS)


def try_onnx(content: bytes) -> np.ndarray:
    """Scores of an ONNX model, without the process that tries it first."""
    graphs.check(content)
    return Session(content, 4).scores(ROWS[:-1])


def main(kind: str, file: str, seed: int, count: int) -> None:
    """Spoil and try; whatever is used must answer probabilities, unless a trial of canary rows would tell."""
    content, rng = Path(file).read_bytes(), random.Random(seed)
    spoil, attempt = (text_spoiled, try_text) if kind == "lightgbm" else (bytes_spoiled, try_onnx)
    used = 0
    for _ in range(count):
        try:
            scores = attempt(spoil(content, rng))
        except ModelError:
            continue
        assert kind == "onnx" or ((scores >= 0) & (scores <= 1)).all(), scores
        used += 1
    sys.stdout.write(f"\n{count} {used}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
