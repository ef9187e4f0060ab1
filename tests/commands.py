"""Running the command line as a user does, and the real fixtures."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
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


def run_here(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """As `run`, in this process: an interpreter costs most of what a small command takes."""
    from localcvat.cli.main import run as run_in_process

    out, err = TextIOWrapper(BytesIO()), TextIOWrapper(BytesIO())
    os.environ.pop("LOCALCVAT_STORE", None)
    before = Path.cwd()
    os.chdir(cwd or before)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run_in_process([str(argument) for argument in arguments])
            out.flush(), err.flush()
    finally:
        os.chdir(before)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(arguments, code, *texts)


def done_here(*arguments: object, cwd: Path | None = None) -> str:
    """The standard output of a command in this process that must succeed."""
    finished = run_here(*arguments, cwd=cwd)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def done(*arguments: object, cwd: Path | None = None) -> str:
    """The standard output of a command that must succeed."""
    finished = run(*arguments, cwd=cwd)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
