"""CVAT projects without the server: `from localcvat import Client`, or the command `localcvat`.

``localcvat.convert(src, dst, to="yolo")`` turns one dataset format into another without a store.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as of `typing`, which takes a while to import
if TYPE_CHECKING:
    from typing import Any

    from localcvat.client import Client as Client
    from localcvat.convert import convert as convert

__all__ = ["Client", "convert"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import localcvat` stays cheap."""
    if name == "Client":
        from localcvat.client import Client

        return Client
    if name == "convert":
        from importlib import import_module

        return import_module("localcvat.convert")
    raise AttributeError(f"module 'localcvat' has no attribute {name!r}")
