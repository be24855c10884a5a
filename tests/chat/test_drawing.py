"""Pictures: drawn once for all who get the same one, anew for anything else, and never in the way."""

import asyncio
from decimal import Decimal

from drawings import drawn_by

from handlers.drawing import KEPT, Drawing
from handlers.reply import BarPlot, Plot


def bars(number: int) -> BarPlot:
    return BarPlot((f"d{number}",), (Decimal(number),), "PnL")


async def test_the_same_picture_for_many_people_is_drawn_once_for_each_look() -> None:
    drawn: list[tuple[Plot, bool]] = []

    def render(plot: Plot, dark: bool) -> bytes:
        drawn.append((plot, dark))
        return f"{plot.title} {len(drawn)}".encode()

    drawing = drawn_by(render)
    made = await asyncio.gather(*(drawing.draw(bars(1), dark) for _ in range(9) for dark in (True, False)))
    assert sorted(set(made)) == [b"PnL 1", b"PnL 2"]
    assert drawn == [(bars(1), True), (bars(1), False)]


async def test_other_figures_are_another_picture_and_only_the_last_few_are_kept() -> None:
    drawn: list[Plot] = []

    def render(plot: Plot, dark: bool) -> bytes:
        drawn.append(plot)
        return str(len(drawn)).encode()

    drawing = drawn_by(render)
    for number in range(KEPT + 1):
        await drawing.draw(bars(number), True)
    assert await drawing.draw(bars(1), True) == b"2"
    assert await drawing.draw(bars(0), True) == str(KEPT + 2).encode()


async def test_one_that_is_kept_waits_for_no_other() -> None:
    brush = asyncio.Event()
    asked: list[Plot] = []

    async def paint(plot: Plot, dark: bool) -> bytes:
        asked.append(plot)
        if len(asked) > 1:
            await brush.wait()
        return plot.title.encode()

    drawing = Drawing(paint)
    first = await drawing.draw(bars(1), True)
    other = asyncio.create_task(drawing.draw(bars(2), True))
    same = asyncio.create_task(drawing.draw(bars(2), True))
    await asyncio.sleep(0)
    assert await drawing.draw(bars(1), True) == first, "though another one is being drawn"
    assert not other.done()
    brush.set()
    assert await asyncio.gather(other, same) == [b"PnL", b"PnL"]
    assert asked == [bars(1), bars(2)], "who asked for the same meanwhile gets that one"


async def test_one_that_could_not_be_drawn_is_tried_again() -> None:
    answers = [ValueError("no letters"), b"png"]

    def render(plot: Plot, dark: bool) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    drawing = drawn_by(render)
    assert await drawing.draw(bars(1), True) is None
    assert await drawing.draw(bars(1), True) == b"png"
