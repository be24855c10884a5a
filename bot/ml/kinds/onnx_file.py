"""ONNX models from their bytes. (Being written.)"""

from bot.ml.card import Card
from bot.ml.model import Model, ModelError


def load(content: bytes, card: Card, file: str) -> Model:
    """The model in a file's bytes."""
    raise ModelError(f"{file}: ONNX models cannot be loaded yet")
