"""What the writers of formats with a file or more an image hold."""

from __future__ import annotations

from localcvat.archive import Sink
from localcvat.model import Dataset
from localcvat.plugin import WriteOptions
from localcvat.report import Report


class DatasetWriter:
    """Writes one dataset into a sink, in CVAT's dialect or plainly."""

    def __init__(self, dataset: Dataset, sink: Sink, options: WriteOptions, report: Report) -> None:
        self._dataset = dataset
        self._sink = sink
        self._report = report
        self._cvat = options.dialect == "cvat"
        self._with_images = options.with_images
