"""Models put in use as a person approved: in files, in a thread; bot.runtime.ports.Placer."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.ml.model import ModelError
from bot.ml.writing import replace_current


@dataclass(frozen=True, slots=True)
class FilePlacer:
    """Changes `current` files under `root`."""

    root: Path

    async def place(self, strategy: str, symbol: str, version: str, before: str) -> str:
        """Why it was not done, in one line, or nothing; the loop goes on meanwhile."""
        try:
            await asyncio.to_thread(replace_current, self.root, strategy, symbol, version, before)
        except ModelError as error:
            return str(error)
        return ""
