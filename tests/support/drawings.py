"""Pictures for faces that are tested: drawn here and now, by whatever function a test likes."""

from collections.abc import Callable

from handlers.drawing import Drawing
from handlers.reply import Plot


def drawn_by(render: Callable[[Plot, bool], bytes]) -> Drawing:
    """A drawing whose pictures this function makes."""

    async def paint(plot: Plot, dark: bool) -> bytes:
        return render(plot, dark)

    return Drawing(paint)
