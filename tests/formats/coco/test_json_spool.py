"""Elements that wait in a spool come out in their order, each as it would be by itself."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localcvat_formats import json_spool
from localcvat_formats.json_files import json_bytes
from localcvat_formats.json_spool import JsonSpool


def text_of(spool: JsonSpool) -> str:
    out = BytesIO()
    spool.copy_to(out)
    return out.getvalue().decode()


@pytest.mark.parametrize("together", [1, 3, 512])
def test_values_and_texts_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(json_spool, "TOGETHER", together)
    monkeypatch.setattr(json_spool, "IN_MEMORY", 20)
    spool, wanted = JsonSpool(tmp_path), list[Any]()
    for number in range(20):
        values = [{"n": number, "é": [0.5] * each} for each in range(number % 4)]
        if number % 3:
            spool.add_values(values)
        else:
            spool.add_texts(memoryview(json_bytes(value)) for value in values)
        wanted += values
    assert json.loads(f"[{text_of(spool)}]") == wanted


def test_nothing_is_the_text_of_nothing(tmp_path: Path) -> None:
    spool = JsonSpool(tmp_path)
    spool.add_values([])
    spool.add_texts([])
    assert text_of(spool) == ""


def test_what_the_fast_encoder_refuses_does_not_change_its_neighbours(tmp_path: Path) -> None:
    values = [{"far": 1e-7}, {"large": 2**70}, {"far": 1e-7, "array": np.array([1.5, 2.5])}]
    spool = JsonSpool(tmp_path)
    spool.add_values(values)
    assert text_of(spool) == '{"far":1e-7},{"large":1180591620717411303424},' + (
        '{"far":1e-7,"array":[1.5,2.5]}'
    )
