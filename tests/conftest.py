"""What several folders of tests share lives in tests/support and is imported by its bare name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
