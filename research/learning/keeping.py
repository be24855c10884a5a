"""A lesson written as a version of a model: its file, its card, its page."""

from pathlib import Path

from bot.ml.card import Card
from bot.ml.writing import write_version
from research.learning.boosting import Boosted
from research.learning.cards import Origin, written
from research.learning.lesson import Lesson
from research.learning.network import Network
from research.learning.page import model_page


def keep[Made: (Boosted, Network)](
    models: Path, lesson: Lesson[Made], origin: Origin, *, current: bool = False
) -> Card:
    """Write it as the next version; `current`: and use it from the next bar on. Raises ModelError, ExportError."""
    made = written(lesson, origin)
    report = model_page(made.card, lesson.trained.judged.curve)
    return write_version(models, made.card, made.content, report, current=current)
