"""Formats with label pictures, lists and tables against CVAT's own exports."""

from __future__ import annotations

import pytest

from golden_compare import assert_same
from goldens import Golden, goldens

NAMES = (
    "Segmentation mask 1.1",
    "KITTI 1.0",
    "Open Images V6 1.0",
    "MOT 1.1",
    "ImageNet 1.0",
    "LabelMe 3.0",
    "Cityscapes 1.0",
)
GOLDENS = [golden for name in NAMES for golden in goldens(name)]


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden.format_name}-{golden}")
def test_the_format_is_exported_as_cvat_does(golden: Golden) -> None:
    assert_same(golden)
