"""Label pictures with a palette are what Pillow makes of the same numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from localcvat_formats.palette_png import palette_chunk, picture_of_canvas
from localcvat_formats.voc_segments import voc_colors


def palette_png(pixels: np.ndarray, palette: bytes) -> bytes:
    count = int(pixels.max()) + 1
    height, width = pixels.shape
    return picture_of_canvas(pixels, count).png(width, height, range(count), palette)


def read(data: bytes) -> tuple[np.ndarray, list[int]]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.mode == "P"
        palette = image.getpalette()
        assert palette is not None
        return np.array(image), palette


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    most=st.sampled_from([0, 1, 2, 80, 255]),
    seed=st.integers(0, 1 << 20),
    blocks=st.booleans(),
)
def test_a_picture_of_any_numbers_is_read_back_with_its_palette(
    width: int, height: int, most: int, seed: int, blocks: bool
) -> None:
    pixels = np.random.default_rng(seed).integers(0, most, (height, width), np.uint8, True)
    if blocks:
        pixels = np.repeat(np.repeat(pixels, 7, axis=0), 5, axis=1)
    colors = voc_colors(most + 1)
    found, palette = read(palette_png(pixels, palette_chunk(colors)))
    assert np.array_equal(found, pixels)
    assert palette[: 3 * len(colors)] == [value for color in colors for value in color]


def test_a_picture_of_round_areas_is_about_as_small_as_pillows_fastest() -> None:
    down, right = np.mgrid[:480, :640]
    pixels = np.zeros((480, 640), np.uint8)
    for number, (x, y, size) in enumerate([(100, 90, 80), (400, 200, 150), (500, 400, 60)], 1):
        pixels[(right - x) ** 2 + (down - y) ** 2 < size**2] = number
    image = Image.fromarray(pixels)
    image.putpalette([value for color in voc_colors(256) for value in color])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    size = len(palette_png(pixels, palette_chunk(voc_colors(256))))
    assert size <= 1.25 * len(buffer.getvalue())


def test_opencv_sees_the_colours_of_the_palette() -> None:
    cv2 = pytest.importorskip("cv2")
    colors = voc_colors(256)
    pixels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    data = np.frombuffer(palette_png(pixels, palette_chunk(colors)), np.uint8)
    seen = cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]
    assert np.array_equal(seen, np.array(colors, np.uint8)[pixels])


@pytest.mark.parametrize("number", [1, 143, 144, 255])
def test_bytes_of_any_code_are_written(number: int) -> None:
    pixels = np.zeros((100, 200), np.uint8)
    pixels[20:50, 70:90] = 1
    picture = picture_of_canvas(pixels, 2)
    found, _ = read(picture.png(200, 100, [0, number], palette_chunk(voc_colors(256))))
    assert np.array_equal(found, pixels * np.uint8(number))
