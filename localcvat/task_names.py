"""How CVAT names frames and images when a project's tasks are exported together."""

from __future__ import annotations

from collections.abc import Sequence

from localcvat.model import TaskInfo


def frame_offsets(tasks: Sequence[TaskInfo]) -> list[int]:
    """What is added to the source frames of each task, so that those of one subset differ."""
    offsets = [0] * len(tasks)
    reached: dict[str, int] = {}
    for index in sorted(range(len(tasks)), key=lambda index: (tasks[index].subset, index)):
        info = tasks[index]
        offsets[index] = reached.get(info.subset, 0)
        reached[info.subset] = offsets[index] + info.start_frame + info.step * info.size
    return offsets


class NameMangler:
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
