"""ImageNet 1.0: one folder a class, or list files with class numbers and `synsets.txt`."""

from __future__ import annotations

from localcvat.plugin import Format


class ImageNet(Format):
    """ImageNet class folders and CVAT's ImageNet 1.0."""

    name = "imagenet"
    cvat_names = ("ImageNet 1.0",)
    summary = "ImageNet: a folder a class, or list files and synsets.txt"
