"""The last step of everything that is said: secrets are taken out of every text, file and label."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bot.config.secrets import looks_secret
from handlers.reply import (
    Attachment,
    BarPlot,
    Button,
    CandlePlot,
    EquityPlot,
    Plot,
    ReliabilityPlot,
    Reply,
    Table,
)
from handlers.request import Request

type Redact = Callable[[str], str]


def redacted(reply: Reply, redact: Redact) -> Reply:
    """The reply without secrets; what runs when a button is pressed is never changed, such a button is left out."""
    everything = "\n".join(_texts(reply))
    if redact(everything) == everything and (reply.file is None or _file(reply.file, redact) is reply.file):
        return reply  # nearly always, and a table of hundreds of cells is looked at once
    return replace(
        reply,
        title=redact(reply.title),
        fields=tuple((redact(label), redact(value)) for label, value in reply.fields),
        table=_table(reply.table, redact) if reply.table else None,
        text=redact(reply.text),
        plot=_plot(reply.plot, redact) if reply.plot else None,
        file=_file(reply.file, redact) if reply.file else None,
        buttons=_buttons(reply.buttons, redact),
        changes=tuple(
            replace(one, name=redact(one.name), before=redact(one.before), after=redact(one.after))
            for one in reply.changes
        ),
        expects=redact(reply.expects),
    )


def _texts(reply: Reply) -> Iterator[str]:
    """Every text that a face may show."""
    yield from (reply.title, reply.text, reply.expects)
    for pair in reply.fields:
        yield from pair
    if reply.table is not None:
        yield from (column.name for column in reply.table.columns)
        for row in reply.table.rows:
            yield from row
    if reply.plot is not None:
        yield reply.plot.title
        yield from reply.plot.labels if isinstance(reply.plot, BarPlot) else ()
    for button in reply.buttons:
        yield from (button.label, button.command_line, button.prompt, button.id)
    for change in reply.changes:
        yield from (change.name, change.before, change.after)


def holds_secret(request: Request, redact: Redact) -> bool:
    """True when somebody has sent what is, or looks like, a key."""
    texts = (request.text, *request.arguments.values(), *request.arguments, request.command)
    bare = (text.strip().lstrip("/") for text in texts)
    return any(text and (looks_secret(text) or redact(text) != text) for text in bare)


def _table(table: Table, redact: Redact) -> Table:
    columns = tuple(replace(column, name=redact(column.name)) for column in table.columns)
    return Table(columns, tuple(tuple(redact(cell) for cell in row) for row in table.rows))


def _plot(plot: Plot, redact: Redact) -> Plot:
    match plot:
        case CandlePlot() | EquityPlot() | ReliabilityPlot():
            return replace(plot, title=redact(plot.title))
        case BarPlot():
            labels = tuple(redact(label) for label in plot.labels)
            return replace(plot, title=redact(plot.title), labels=labels)


def _file(file: Attachment, redact: Redact) -> Attachment:
    """A file that is text; pictures and the like hold none."""
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    name, said = redact(file.name), redact(text)
    if (name, said) == (file.name, text):
        return file
    return replace(file, name=name, content=said.encode() if text else file.content)


def _buttons(buttons: tuple[Button, ...], redact: Redact) -> tuple[Button, ...]:
    """Buttons whose line and id hold no secret, with clean labels."""
    harmless = (one for one in buttons if redact(one.command_line + one.id) == one.command_line + one.id)
    return tuple(replace(one, label=redact(one.label), prompt=redact(one.prompt)) for one in harmless)
