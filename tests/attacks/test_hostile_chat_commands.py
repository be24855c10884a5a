"""Every command with nothing around it but the desk: what a house may lack is never a fault."""

import inspect

import pytest

from handlers.codes import Codes
from handlers.command import Actor, Command
from handlers.escalation import OnCall
from handlers.progress import Progress
from handlers.registry import Registry, load_registry

ALWAYS = (Actor, Codes, OnCall, Progress, Registry)
"""What the dispatcher and its front hand to every command in every house."""


@pytest.mark.parametrize("command", list(load_registry()), ids=lambda one: one.name)
def test_what_a_house_may_lack_has_something_in_its_place(command: Command) -> None:
    """/clock on an exchange ended in a fault: only demos handed it a clock."""
    for name, kind in command.injected:
        for function in filter(None, (command.handler, command.preview)):
            wanted = inspect.signature(function).parameters.get(name)
            lacks = wanted is not None and wanted.default is inspect.Parameter.empty
            assert not lacks or kind in ALWAYS, f"/{command.name} needs {name} and is not given it everywhere"
