"""Imported by the process from which workers come: all that is read once for all of them, and compiled code loaded.

For strategies of ours only, which need nothing of what is left out.
"""

from cli.research.lean_start import OWN_STRATEGY, leave_out

leave_out()

from research.arrays.warm import warm_strategy  # noqa: E402 - after what it shall do without
from research.sweep import counting  # noqa: E402, F401
from strategies.registry import Registry  # noqa: E402

warm_strategy(Registry(), OWN_STRATEGY)
