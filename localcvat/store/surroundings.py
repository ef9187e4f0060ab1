"""What the operating system knows of a store's files: who holds a lock, what disk they are on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LOCKS = Path("/proc/locks")
MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "ceph", "lustre"),
        *("gfs2", "ocfs2", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"),
        *("fuse.gcsfuse", "fuse.davfs", "davfs", "beegfs", "gpfs"),
    )
)
"""File systems of several machines, on which the shared memory of SQLite's WAL does not work."""
_ESCAPE = re.compile(r"\\([0-7]{3})")


def lock_holders(paths: Iterable[Path]) -> list[int]:
    """Other processes that hold a lock to write on one of these files, as far as is known."""
    inodes = set()
    for path in paths:
        with suppress(OSError):
            found = path.stat()
            inodes.add(f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}")
    holders = set()
    with suppress(OSError):
        for line in LOCKS.read_text().splitlines():
            fields = line.split()
            if "->" in fields or len(fields) < 6:
                continue
            if fields[3] == "WRITE" and fields[5] in inodes and fields[4].isdecimal():
                holders.add(int(fields[4]))
    return sorted(holders - {0, os.getpid()})


def network_file_system(path: Path) -> str | None:
    """The kind of the network file system that `path` lies on; None on a disk of this machine."""
    place = os.path.realpath(path)
    best, kind = "", ""
    with suppress(OSError):
        for line in MOUNTS.read_text().splitlines():
            mounted, _, rest = line.partition(" - ")
            point = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), mounted.split()[4])
            inside = place == point or place.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, rest.split()[0]
    return kind if kind in NETWORK else None
