"""What was measured as Markdown: medians, ratios, targets and growth; sections of a document."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from jobs import FLOOR, OURS, Job
from measuring import Results
from processes import Run

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
INTRODUCTION = """# Performance

Whole processes, made by `make bench` (`make bench BENCH_IMAGES=118287` for the full size), `make
bench-growth` and `make bench-media`. Absolute times are of one machine on one day; the ratios of
one run are what counts.
"""
SECTIONS = ("Results", "Targets", "Growth", "Opening a store", "Many images", "Notes")
STREAMED = ("store →", "YOLO zip →", "VOC zip →")
GROWTH_BOUND = 1.1
"""Times the factor of the sizes: ten times the images may take eleven times as long."""


@dataclass(frozen=True)
class Target:
    """A bound on a ratio of a job: `who` is what it is compared with."""

    job: str
    who: str
    bound: float


TARGETS = (
    Target("COCO → YOLO folder", FLOOR, 1.3),
    Target("COCO → YOLO folder", "labelformat", 4),
    Target("COCO → YOLO zip", "labelformat", 6),
    Target("COCO → VOC folder", "labelformat", 4),
    Target("COCO → COCO", "labelformat", 5),
    Target("COCO → store", FLOOR, 1.8),
    Target("store → COCO", FLOOR, 2),
)
MEMORY_MB = 1000
STREAMED_MB = 250
FULL_SIZE = 118_287


def machine() -> str:
    """The day and what this runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    day = datetime.now(timezone.utc).date().isoformat()
    return (
        f"{day}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GB of memory, Python {platform.python_version()}"
    )


def versions(peers: Path) -> str:
    """The peers that are there, with their versions, to be added to a sentence."""
    found = []
    for name in ("labelformat", "globox"):
        for folder in sorted(peers.parent.glob(f"lib/python*/site-packages/{name}-*.dist-info")):
            found.append(" ".join(folder.name.removesuffix(".dist-info").split("-")))
    return "".join(f", {each}" for each in found)


def _done(runs: Iterable[Run]) -> list[Run]:
    return [each for each in runs if not each.failed]


def _median(runs: Iterable[Run], what: str) -> float:
    return statistics.median(getattr(each, what) for each in runs)


def _ratio(ours: list[Run], others: list[Run], what: str) -> float:
    """Ours over the other's, round by round; the median of the rounds both have."""
    pairs = zip(ours, others, strict=False)
    return statistics.median(getattr(one, what) / getattr(other, what) for one, other in pairs)


def _compared(results: Results, jobs: Sequence[Job], name: str) -> dict[str, list[Run]]:
    """The runs of a job by program, with those of the job it is compared with as well."""
    job = next(each for each in jobs if each.name == name)
    others = dict(results.get(job.beside, {}))
    others.pop(OURS, None)
    return {**results.get(name, {}), **others}


def results_table(results: Results, jobs: Sequence[Job]) -> list[str]:
    """Medians of every program; what it takes of theirs is a ratio under 1 where ours is better."""
    lines = [
        "| job | program | wall s | CPU s | peak MB | ours / it, wall | ours / it, CPU "
        "| it / ours, CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        if job.name not in results:
            continue
        programs = _compared(results, jobs, job.name)
        ours = _done(programs.get(OURS, ()))
        for who, runs in programs.items():
            done = _done(runs)
            if not done:
                reason = " ".join(runs[-1].failed.split()).replace("|", "/")
                lines.append(f"| {job.name} | {who} | failed: {reason} | | | | | |")
                continue
            numbers = [f"{_median(done, 'wall'):.2f}", f"{_median(done, 'cpu'):.2f}"]
            numbers.append(f"{_median(done, 'memory'):.0f}")
            ratios = ["", "", ""]
            if who != OURS and ours:
                cpu = _ratio(ours, done, "cpu")
                ratios = [f"{_ratio(ours, done, 'wall'):.2f}", f"{cpu:.2f}", f"{1 / cpu:.1f}"]
            lines.append(f"| {job.name} | {who} | {' | '.join([*numbers, *ratios])} |")
    return lines


def targets_table(results: Results, jobs: Sequence[Job], images: int) -> list[str]:
    """Whether each bound holds in these results."""
    lines = [f"Bounds are for {FULL_SIZE:,} images; these results are of {images:,}."]
    if images < FULL_SIZE:
        lines.append("In a small run starting the interpreter counts for more than the work.")
    lines += ["", "| target | bound | measured | |", "|---|---|---|---|"]
    for target in TARGETS:
        programs = _compared(results, jobs, target.job)
        ours, others = _done(programs.get(OURS, ())), _done(programs.get(target.who, ()))
        if not ours or not others:
            lines.append(f"| {target.job}, {target.who} | {target.bound:g} | not measured | |")
            continue
        wall, cpu = _ratio(ours, others, "wall"), _ratio(ours, others, "cpu")
        if target.who == FLOOR:
            words = [f"{target.job}: time over the floor's", f"≤ {target.bound:g}"]
            words += [f"{wall:.2f} wall, {cpu:.2f} CPU", _floor_verdict(wall, cpu, target.bound)]
        else:
            words = [f"{target.job}: {target.who}'s CPU over ours", f"≥ {target.bound:g}"]
            words += [f"{1 / cpu:.1f}", "met" if 1 / cpu >= target.bound else "**not met**"]
        lines.append(f"| {' | '.join(words)} |")
    for job in jobs:
        bound = STREAMED_MB if job.name.startswith(STREAMED) else MEMORY_MB
        ours = _done(results.get(job.name, {}).get(OURS, ()))
        if ours:
            memory = _median(ours, "memory")
            verdict = "met" if memory <= bound else "**not met**"
            lines.append(f"| {job.name}: peak memory, MB | ≤ {bound} | {memory:.0f} | {verdict} |")
    return lines


def _floor_verdict(wall: float, cpu: float, bound: float) -> str:
    held = [name for name, ratio in (("wall", wall), ("CPU", cpu)) if ratio <= bound]
    if len(held) == 1:
        return f"**met in {held[0]} only**"
    return "met" if held else "**not met**"


def growth_table(by_size: dict[int, Results], jobs: Sequence[Job]) -> list[str]:
    """The time of each job by size, and what the next size takes of its bound."""
    sizes = sorted(by_size)
    heads = [f"{size:,} images: wall s (CPU s, peak MB)" for size in sizes]
    steps = list(zip(sizes, sizes[1:], strict=False))
    heads += [f"{larger:,} / {smaller:,}" for smaller, larger in steps]
    lines = [f"| job | {' | '.join(heads)} | |", "|---" * (len(heads) + 2) + "|"]
    for job in jobs:
        cells, found = [], {}
        for size in sizes:
            runs = by_size[size].get(job.name, {}).get(OURS, [])
            done = _done(runs)
            if done:
                found[size] = [_median(done, what) for what in ("wall", "cpu")]
                memory = _median(done, "memory")
                cells.append(f"{found[size][0]:.2f} ({found[size][1]:.2f}, {memory:.0f})")
            else:
                cells.append(" ".join(runs[-1].failed.split())[:80] if runs else "")
        verdict = "met" if steps else ""
        for smaller, larger in steps:
            if smaller not in found or larger not in found:
                cells.append("")
                verdict = "not measured"
                continue
            ratios = [big / small for big, small in zip(found[larger], found[smaller], strict=True)]
            bound = larger / smaller * GROWTH_BOUND
            cells.append(f"{ratios[0]:.1f} (CPU {ratios[1]:.1f}), bound {bound:.1f}")
            if max(ratios) > bound:
                verdict = "**not met**"
        lines.append(f"| {job.name} | {' | '.join(cells)} | {verdict} |")
    return lines


def write_section(title: str, lines: Sequence[str]) -> None:
    """Put a section of the document in place of the one that is there."""
    sections = _sections()
    sections[title] = "\n".join(lines).strip() + "\n"
    order = sorted(sections, key=lambda name: SECTIONS.index(name) if name in SECTIONS else 99)
    parts = [INTRODUCTION, *(f"## {name}\n\n{sections[name]}" for name in order)]
    DOCUMENT.write_text("\n".join(parts))


def show(*titles: str) -> None:
    """Print sections of the document."""
    sections = _sections()
    for title in titles:
        print(f"\n## {title}\n\n{sections.get(title, '')}", end="", flush=True)


def _sections() -> dict[str, str]:
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    _, *found = text.split("\n## ")
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() + "\n" for part in found}
