"""Running the command line as a user does, and the real fixtures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"
COCO_TINY = FIXTURES / "coco-tiny"


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The finished command; warnings of broken plugins would show on standard error."""
    command = [sys.executable, "-m", "localcvat", *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "LOCALCVAT_STORE"}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def done(*arguments: object, cwd: Path | None = None) -> str:
    """The standard output of a command that must succeed."""
    finished = run(*arguments, cwd=cwd)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
