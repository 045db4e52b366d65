#!/bin/sh
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sheet.sh FOLDER [ARGUMENT of generate…]: pictures of twelve prompts by the model that is used when none is configured, and
# all of them on one sheet, FOLDER/sheet.png.
set -eu
folder=$1
shift
mkdir -p "$folder"
latin=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
n=0
set -- --quiet "$@"
while read -r prompt; do
  n=$((n + 1))
  picture=$folder/$(printf %02d $n).png
  sfumato generate "$@" --seed $n --prompt "$prompt" --output "$picture" >/dev/null </dev/null
  printf '%2d of 12  %s\n' $n "$prompt" >&2
  case $prompt in *[!\ -~]*) font=/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf ;; *) font=$latin ;; esac
  montage -font "$font" -pointsize 11 -background white -fill black -size 192x44 -gravity north \
    "$picture" caption:"$prompt" -tile 1x2 -geometry +4+2 "$folder/tile-$(printf %02d $n).png"
done <<'EOF'
a large red circle at the top left on a white background
a small yellow star at the bottom right on a blue background
a green triangle in the center on a pink background
three purple hearts on a white background
a blue ring to the left of an orange square on a white background
a white diamond inside a red circle on a yellow background
a small black cross at the top and a medium green circle at the bottom on a gray background
a large pink heart in the center on a black and blue gradient background
the word "SALE" in red in the center on a white background
a green label with the word "TEA" in white
the word "HI" in blue at the top and a medium yellow star in the center on a white background
白色背景，中间有一个大的绿色三角形
EOF
montage -font "$latin" -background white "$folder"/tile-*.png -tile 4x3 -geometry +2+2 -strip -define png:exclude-chunks=date,time "$folder/sheet.png"
rm -f "$folder"/tile-*.png
