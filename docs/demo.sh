#!/bin/sh
# The main job on real photos: a store, a project, COCO in, COCO, YOLO and VOC out, previews, a backup
# and back.
set -eu
fixtures=$(CDPATH= cd "$(dirname "$0")/../fixtures" && pwd)
out=$(CDPATH= cd "$(dirname "$0")/.." && pwd)/.demo
rm -rf "$out"
mkdir -p "$out"
cd "$out"
unset LOCALCVAT_STORE
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
say localcvat project backup "$id" backup.zip
say localcvat backup check backup.zip
say localcvat backup inspect backup.zip
printf '\n$ localcvat project create-from-backup backup.zip\n'
back=$(localcvat project create-from-backup backup.zip)
echo "$back"
say localcvat project export-dataset "$back" back.zip --format coco
say localcvat check --deep
printf '\nAll of it is in %s\n' "$out"
ls -l "$out"
