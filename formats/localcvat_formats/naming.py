"""Names of images in formats that give each a file of its own."""

from __future__ import annotations

from localcvat.errors import OutputError
from localcvat.model import Item


class Names:
    """The images of each subset by their paths without extension, which must not repeat."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def claim(self, item: Item) -> str:
        """Take the item's stem; raises OutputError when another of its subset has it."""
        stem = item.stem
        key = (item.subset, stem)
        if key in self._seen:
            raise OutputError(
                f"two images of the subset {item.subset!r} would share a file",
                where=item.path,
                hint="pass --rename-duplicates",
            )
        self._seen.add(key)
        return stem
