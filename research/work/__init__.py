"""Where long work is done: processes of this machine, or a Dask cluster; a lost worker loses no result."""

from research.work.crew import open_workers
from research.work.port import WorkError, Workers

__all__ = ["WorkError", "Workers", "open_workers"]
