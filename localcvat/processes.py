"""Which process did something, so that it can be told from a later one with its number."""

from __future__ import annotations

import os


def process_name(pid: int) -> str | None:
    """A name for a running process that no later one gets; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return f"{pid}:{stat.read().rpartition(')')[2].split()[19]}"
    except OSError:
        return None if os.path.isdir("/proc/self") else str(pid)


def is_alive(name: str | None) -> bool:
    """Whether the process of this name still runs."""
    return name is not None and name == process_name(int(name.partition(":")[0]))
