"""Names of images when the tasks of a project are exported together."""

from __future__ import annotations


class ImageNames:
    """Gives images of one subset different names: the second `a.jpg` is `a_1.jpg`."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, str], int] = {}

    def free(self, subset: str, path: str) -> str:
        """The path, or the first free one made of it; taken from then on."""
        stem, dot, extension = path.rpartition(".")
        if not dot:
            stem, extension = path, ""
        name, taken = stem, self._count.get((subset, stem), 0)
        if taken:
            name = f"{stem}_{taken}"
            number = 1
            while self._count.get((subset, name), 0):
                name, number = f"{stem}_{taken}_{number}", number + 1
        self._count[subset, stem] = taken + 1
        if name != stem:
            self._count[subset, name] = 1
        return f"{name}{dot}{extension}"
