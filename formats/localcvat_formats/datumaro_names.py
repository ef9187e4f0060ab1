"""The formats that come through Datumaro, by name: what its writers keep of an image's annotations.

The table is static, so that listing formats does not import Datumaro; a test holds it against the
installed one. Formats that are native here (COCO instances and keypoints, VOC, YOLO, …) are not in
it, and those of `LEFT_OUT` are not either, each with its reason.
"""

from __future__ import annotations

import msgspec

SHAPES = ("rectangle", "polygon", "polyline", "points", "ellipse", "mask")
ALL = frozenset(("tag", *SHAPES))
ANY: tuple[str, ...] = ("*",)
CVAT_DECIMALS = 2
"""Datumaro rounds coordinates so, and CVAT with it."""
CLOUD_DECIMALS = 9
"""What is kept of metres and radians where CVAT's rounding is not asked for."""


class Bridged(msgspec.Struct, frozen=True, kw_only=True):
    """A format of Datumaro's: the names of its importer and exporter, "" where it has none.

    `kinds` is what the writer keeps; `attributes` the names it keeps of shapes and tags, `ANY` for
    all. `labels` False says that label names do not survive, `tracks` that only tracked shapes are
    written. `text` says that what is written is the attribute `text`, as a caption. `clouds` says
    that items are point clouds, with 3D cuboids on them. `mark` is a
    pattern of a file name that no other format has, to know the format by.
    """

    reads: str = ""
    writes: str = ""
    summary: str
    cvat_names: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    attributes: tuple[str, ...] = ()
    labels: bool = True
    group: bool = False
    z_order: bool = False
    tracks: bool = False
    text: bool = False
    clouds: bool = False
    mark: str = ""


def _both(name: str, summary: str, *kinds: str, **more: object) -> Bridged:
    return Bridged(reads=name, writes=name, summary=summary, kinds=frozenset(kinds), **more)  # type: ignore[arg-type]


def _read(name: str, summary: str) -> Bridged:
    return Bridged(reads=name, summary=summary)


WIDER_FACE = ("blur", "expression", "illumination", "pose", "invalid", "occluded")
MARKET = ("query", "person_id", "camera_id", "track_id", "frame_id", "bbox_id")

FORMATS: dict[str, Bridged] = {
    "ade20k2017": _read("ade20k2017", "ADE20K of 2017: masks and parts"),
    "ade20k2020": _read("ade20k2020", "ADE20K of 2020: masks and parts"),
    "align-celeba": _read("align_celeba", "CelebA, aligned faces"),
    "arrow": _both(
        "arrow", "Datumaro's Arrow tables", *ALL, attributes=ANY, group=True, z_order=True
    ),
    "camvid": _both(
        "camvid",
        "CamVid: colour masks",
        "mask",
        cvat_names=("CamVid 1.0",),
        mark=r"(^|/)[^/]+annot/.+\.png$",
    ),
    "celeba": _read("celeba", "CelebA: faces with landmarks"),
    "coco-captions": _both(
        "coco_captions", "COCO captions", "tag", attributes=("text",), labels=False, text=True
    ),
    "coco-image-info": _both("coco_image_info", "COCO image lists without annotations"),
    "coco-labels": _both("coco_labels", "COCO labels of images", "tag", attributes=ANY),
    "coco-panoptic": _both("coco_panoptic", "COCO panoptic masks", "mask", attributes=ANY),
    "coco-stuff": _both("coco_stuff", "COCO stuff masks", "mask", "rectangle", attributes=ANY),
    "common-semantic-segmentation": _read(
        "common_semantic_segmentation", "masks beside images, with dataset_meta.json"
    ),
    "common-semantic-segmentation-with-subset-dirs": _read(
        "common_semantic_segmentation_with_subset_dirs", "the same, a folder a subset"
    ),
    "datumaro-binary": _both(
        "datumaro_binary", "Datumaro's binary", *ALL, attributes=ANY, group=True, z_order=True
    ),
    "dota": _read("dota", "DOTA: turned boxes in aerial images"),
    "icdar-text-localization": _both(
        "icdar_text_localization",
        "ICDAR: places of words",
        *("rectangle", "polygon"),
        cvat_names=("ICDAR Localization 1.0",),
        mark=r"(^|/)gt_[^/]+\.txt$",
        attributes=("text",),
        labels=False,
    ),
    "icdar-text-segmentation": _both(
        "icdar_text_segmentation",
        "ICDAR: masks of characters",
        "mask",
        cvat_names=("ICDAR Segmentation 1.0",),
        mark=r"_GT\.(txt|bmp)$",
        attributes=("index", "color", "text", "center"),
        labels=False,
    ),
    "icdar-word-recognition": _both(
        "icdar_word_recognition",
        "ICDAR: the word on each image",
        "tag",
        cvat_names=("ICDAR Recognition 1.0",),
        attributes=("text",),
        labels=False,
        text=True,
    ),
    "image-dir": _both("image_dir", "a folder of images, nothing else"),
    "image-zip": Bridged(writes="image_zip", summary="a zip of images a subset, nothing else"),
    "kitti-raw": _both(
        "kitti_raw",
        "KITTI raw recordings: 3D cuboids on point clouds",
        "cuboid",
        cvat_names=("Kitti Raw Format 1.0",),
        mark=r"(^|/)tracklet_labels\.xml$",
        attributes=ANY,
        clouds=True,
    ),
    "kitti3d": _read("kitti3d", "KITTI 3D: boxes on images, with the object's place in space"),
    "lfw": _both(
        "lfw",
        "LFW: people, pairs, landmarks",
        *("tag", "points"),
        cvat_names=("LFW 1.0",),
        mark=r"(^|/)annotations/(people|pairs|landmarks)\.txt$",
        attributes=("positive_pairs", "negative_pairs"),
    ),
    "mapillary-vistas": _read("mapillary_vistas", "Mapillary Vistas"),
    "mapillary-vistas-instances": _read("mapillary_vistas_instances", "Mapillary Vistas, objects"),
    "mapillary-vistas-panoptic": _read("mapillary_vistas_panoptic", "Mapillary Vistas, panoptic"),
    "market1501": _both(
        "market1501",
        "Market-1501: people by file name",
        "tag",
        cvat_names=("Market-1501 1.0",),
        mark=r"(^|/)(bounding_box_[^/]+/|images_[^/]+\.txt$)",
        attributes=MARKET,
        labels=False,
    ),
    "mars": _read("mars", "MARS: people over frames"),
    "mmdet-coco": _read("mmdet_coco", "COCO as MMDetection lays it out"),
    "mnist": _both("mnist", "MNIST: digits", "tag"),
    "mnist-csv": _read("mnist_csv", "MNIST as CSV"),
    "mots": Bridged(
        reads="mots",
        writes="mots_png",
        summary="MOTS PNG: masks of tracked objects",
        cvat_names=("MOTS PNG 1.0",),
        mark=r"(^|/)instances/labels\.txt$",
        kinds=frozenset(["mask"]),
        tracks=True,
    ),
    "mpii": _read("mpii", "MPII human pose"),
    "mpii-json": _read("mpii_json", "MPII human pose as JSON"),
    "mvtec": _read("mvtec", "MVTec anomalies"),
    "mvtec-classification": _read("mvtec_classification", "MVTec anomalies, by image"),
    "mvtec-detection": _read("mvtec_detection", "MVTec anomalies, boxes"),
    "mvtec-segmentation": _read("mvtec_segmentation", "MVTec anomalies, masks"),
    "roboflow-create-ml": _read("roboflow_create_ml", "CreateML JSON"),
    "roboflow-multiclass": _read("roboflow_multiclass", "Roboflow's table of classes an image"),
    "segment-anything": _both(
        "segment_anything", "Segment Anything: masks an image", "mask", labels=False
    ),
    "sly-pointcloud": _both(
        "sly_pointcloud",
        "Supervisely: 3D cuboids on point clouds",
        "cuboid",
        cvat_names=("Sly Point Cloud Format 1.0",),
        mark=r"(^|/)ann/.+\.pcd\.json$",
        attributes=ANY,
        clouds=True,
    ),
    "synthia-al": _read("synthia_al", "SYNTHIA-AL"),
    "synthia-rand": _read("synthia_rand", "SYNTHIA-RAND"),
    "synthia-sf": _read("synthia_sf", "SYNTHIA-SF"),
    "vgg-face2": _both(
        "vgg_face2",
        "VGGFace2: one face an image, landmarks",
        *("tag", "rectangle", "points"),
        cvat_names=("VGGFace2 1.0",),
        mark=r"(^|/)bb_landmark/loose_\w+\.csv$",
    ),
    "vott-csv": _read("vott_csv", "VoTT as CSV"),
    "vott-json": _read("vott_json", "VoTT as JSON"),
    "wider-face": _both(
        "wider_face",
        "WIDER FACE: faces in scenes",
        *("rectangle", "tag"),
        cvat_names=("WiderFace 1.0",),
        mark=r"(^|/)wider_face_split/",
        attributes=WIDER_FACE,
    ),
}

NATIVE = frozenset(
    (
        *("coco", "coco_instances", "coco_person_keypoints", "cvat", "datumaro"),
        *("cityscapes", "imagenet", "imagenet_txt", "imagenet_with_subset_dirs"),
        *("kitti", "kitti_detection"),
        *("kitti_segmentation", "label_me", "mot_seq", "mot_seq_gt", "open_images"),
        *("roboflow_coco", "roboflow_voc", "roboflow_yolo", "roboflow_yolo_obb", "voc"),
        *("voc_action", "voc_classification", "voc_detection", "voc_instance_segmentation"),
        *("voc_layout", "voc_segmentation", "yolo", "yolo_ultralytics"),
    )
)
"""Datumaro's names of formats that are read and written here without it."""

READ_ONLY = {
    "dota": "its writer makes files that its own reader refuses",
    "mnist_csv": "holds grey images of 28 by 28 pixels alone",
    "mvtec": "its writer makes files that its own reader refuses",
    "mvtec_classification": "as mvtec",
    "mvtec_detection": "as mvtec",
    "mvtec_segmentation": "as mvtec",
}
"""Datumaro's names of formats that are read but not written, with the reason."""

LEFT_OUT = {
    "ava": "needs protobuf, which Datumaro does not install",
    "brats": "medical volumes, not images",
    "brats_numpy": "pickled files, which are never loaded",
    "cifar": "pickled files, which are never loaded",
    "image_zip": "read as any zip of images: as image-dir",
    "kinetics": "whole videos",
    "nyu_depth_v2": "depth maps",
    "tabular": "tables without images",
    "video_frames": "whole videos",
    "video_keyframes": "whole videos",
}
"""Datumaro's names of formats that the bridge does not offer, with the reason."""
