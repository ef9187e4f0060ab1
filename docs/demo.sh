#!/bin/sh
# The main job on real photos: a store, a project, COCO in, COCO, YOLO and VOC out, a preview.
set -eu
fixtures=$(CDPATH= cd "$(dirname "$0")/../fixtures" && pwd)
out=$(CDPATH= cd "$(dirname "$0")/.." && pwd)/.demo
rm -rf "$out"
mkdir -p "$out"
cd "$out"
say() { printf '\n$ %s\n' "$*"; "$@"; }

say localcvat init
printf '\n$ localcvat project create "Real photos"\n'
id=$(localcvat project create "Real photos")
echo "$id"
say localcvat project import-dataset "$id" "$fixtures/coco-tiny" --format "COCO 1.0"
say localcvat project ls
say localcvat task ls
say localcvat project export-dataset "$id" coco.zip --format coco --with-images yes
say localcvat project export-dataset "$id" yolo.zip --format yolo --with-images yes
say localcvat project export-dataset "$id" voc.zip --format voc --with-images yes
say localcvat project preview "$id" -o preview.png --annotations
printf '\nAll of it is in %s\n' "$out"
ls -l "$out"
