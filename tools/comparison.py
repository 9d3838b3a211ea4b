"""What is compared, as pyproject.toml has it: the one table of columns, servers and remedies."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
COMPARISON: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "comparison"
]
FRAMEWORKS: Final[dict[str, str]] = COMPARISON["frameworks"]
"""Each column's app."""
