"""The natural order, as natsort's os_sorted gives it on Linux."""

from __future__ import annotations

from localcvat.natural import natural_key


def test_natural_order_is_that_of_natsort() -> None:
    expected = [
        "10/a.png",
        "a/1.png",
        "a b/1.png",
        "img.jpg",
        "IMG2.jpg",
        "img10.JPG",
        "img10.tar.gz",
        "img-1.jpg",
        "z²1.png",
    ]
    by_codepoint = sorted(expected)
    by_codepoint.sort(key=natural_key)
    assert by_codepoint == expected
