"""Our PASCAL VOC 1.1 against CVAT's own exports."""

from __future__ import annotations

import pytest

from golden_compare import assert_same
from goldens import Golden, goldens


@pytest.mark.parametrize("golden", goldens("PASCAL VOC 1.1"), ids=str)
def test_pascal_voc_is_exported_as_cvat_does(golden: Golden) -> None:
    assert_same(golden)
