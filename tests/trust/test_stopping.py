"""Stopped by Ctrl-C, a signal or a reader that goes away: an exit code, no traceback, nothing half.

Also: standard streams that are closed or full, no HOME, another locale, a strict umask.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import COCO_TINY
from corpus import CVAT_MADE
from events import continued, stopped_before
from operations import many_images

LONG = 120
"""Seconds in which also a slow and busy machine begins to import."""
LOCALCVAT = f"{shlex.quote(sys.executable)} -m localcvat"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of shell, in which `localcvat` is the command."""
    line = f'localcvat() {{ {LOCALCVAT} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    done = shell(
        "localcvat --store store init && localcvat --store store project create P", tmp_path
    )
    assert done.returncode == 0
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stopped_command_leaves_nothing_and_no_traceback(
    tmp_path: Path, number: int, code: int
) -> None:
    """The signal goes to all its processes, as that of a terminal does."""
    many_images(tmp_path)
    command = ("convert", "many.json", "out", "--to", "voc")
    process = stopped_before("rename", *command, cwd=tmp_path)
    assert list(tmp_path.glob(".out.*/Annotations/*"))
    os.killpg(process.pid, number)
    returncode, error = continued(process)
    assert returncode == code
    assert error.strip() == ("stopped" if number == signal.SIGINT else "")
    assert os.listdir(tmp_path) == ["many.json"]


STOPPED_LOADING = """
import os, signal, sys
class Loading:
    def find_spec(name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Loading)
from localcvat.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["localcvat.cli", "click", "localcvat.errors"])
def test_a_command_stopped_while_it_is_loaded_says_no_more(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_LOADING, module], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "stopped\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_import_never_happened(tmp_path: Path, store: Path, number: int) -> None:
    many_images(tmp_path)
    command = ["--store", "store", "project", "import-dataset", "1", "many.json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "localcvat", *command],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + LONG
    while process.poll() is None and time.monotonic() < until:
        if (store / "localcvat.db-wal").exists():
            break
        time.sleep(0.002)
    time.sleep(0.1)
    process.send_signal(number)
    error = process.communicate()[1]
    assert "Traceback" not in error
    assert process.returncode in (128 + number, 0)
    assert shell("localcvat --store store check --deep", tmp_path).returncode == 0
    tasks = json.loads(shell("localcvat --store store task ls --json", tmp_path).stdout)
    assert tasks["count"] == (process.returncode == 0)
    requests = json.loads(shell("localcvat --store store request ls --json", tmp_path).stdout)
    assert {request["status"] for request in requests["results"]} <= {"failed", "finished"}


@pytest.mark.parametrize(
    "command", ["formats", f"backup inspect {CVAT_MADE}/rich/project_2_backup.zip --json"]
)
def test_a_reader_that_goes_away_is_no_failure_to_speak_of(tmp_path: Path, command: str) -> None:
    done = shell(f"localcvat {command} | head -c 1 >/dev/null", tmp_path)
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(tmp_path: Path, closed: str) -> None:
    """A file must not be opened in the place of a stream that somebody writes to."""
    source = COCO_TINY / "annotations" / "instances_val2017.json"
    assert shell(f"localcvat convert {source} whole --to yolo", tmp_path).returncode == 0
    done = shell(f"localcvat convert {source} out --to yolo {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    whole, out = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "whole", tmp_path / "out")
    )
    assert whole == out


def test_a_full_standard_output_is_said_on_one_line(tmp_path: Path) -> None:
    done = shell("localcvat formats >/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")
    assert shell("localcvat project ls 2>/dev/full", tmp_path).returncode == 1


def test_neither_home_nor_locale_nor_umask_matter(tmp_path: Path, store: Path) -> None:
    bare = "env -i LC_ALL=C PATH=/usr/bin:/bin"
    line = f"{bare} {LOCALCVAT} --store store project create 'Straße 道'"
    assert shell(line, tmp_path).stdout == "2\n"
    ascii_only = "PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=utf-8"
    done = shell(f"{bare} {ascii_only} {LOCALCVAT} --store store project ls", tmp_path)
    assert "Straße 道" in done.stdout
    done = shell(f"{bare} {ascii_only} {LOCALCVAT} --store store project create 道", tmp_path)
    assert done.returncode == 1
    assert "is no text of this locale" in done.stderr
    line = f"umask 077; localcvat convert {COCO_TINY} out --to coco --with-images yes"
    assert shell(line, tmp_path).returncode == 0
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "out").rglob("*")} == {0}
