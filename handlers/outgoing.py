"""The last step of everything that is said: secrets are taken out of every text, file and label."""

from collections.abc import Callable
from dataclasses import replace

from bot.config.secrets import looks_secret
from handlers.reply import Attachment, BarPlot, Button, CandlePlot, EquityPlot, Plot, Reply, Table
from handlers.request import Request

type Redact = Callable[[str], str]


def redacted(reply: Reply, redact: Redact) -> Reply:
    """The reply without secrets; what runs when a button is pressed is never changed, such a button is left out."""
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
        case CandlePlot() | EquityPlot():
            return replace(plot, title=redact(plot.title))
        case BarPlot():
            labels = tuple(redact(label) for label in plot.labels)
            return replace(plot, title=redact(plot.title), labels=labels)


def _file(file: Attachment, redact: Redact) -> Attachment:
    """A file that is text; pictures and the like hold none."""
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        return replace(file, name=redact(file.name))
    return replace(file, name=redact(file.name), content=redact(text).encode())


def _buttons(buttons: tuple[Button, ...], redact: Redact) -> tuple[Button, ...]:
    """Buttons whose line and id hold no secret, with clean labels."""
    harmless = (one for one in buttons if redact(one.command_line + one.id) == one.command_line + one.id)
    return tuple(replace(one, label=redact(one.label), prompt=redact(one.prompt)) for one in harmless)
