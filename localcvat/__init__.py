"""CVAT projects without the server: `from localcvat import Client`, or the command `localcvat`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcvat.client import Client as Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """Import the client on first use, so that `import localcvat` stays cheap."""
    if name == "Client":
        from localcvat.client import Client

        return Client
    raise AttributeError(f"module 'localcvat' has no attribute {name!r}")
