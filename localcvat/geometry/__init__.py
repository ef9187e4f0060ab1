"""Geometry of annotations in CVAT's conventions: boxes, polygons, masks, ellipses, tracks."""
