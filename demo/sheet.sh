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
  convert -quiet "$picture" \( -font "$font" -pointsize 11 -background white -fill black -size 192x60 -gravity north \
    caption:"$prompt" \) -append "$folder/tile-$(printf %02d $n).png"
done <<'EOF'
a medium red circle at the top right on a white background
a small blue square at the bottom right on an orange background
a green triangle in the center on a pink background
two brown hearts, a yellow background
a blue ring to the left of an orange square on a white background
a white diamond inside a red circle on a yellow background
a small black square at the top left and a medium green circle on the right on a gray background
a large pink heart in the center on a black and blue gradient background
a brown square above a yellow triangle on a white background
a large orange ring at the top right on a noisy green background
a large purple heart at the bottom left on a white background
蓝色背景，左下角有一个小的白色圆形
EOF
montage -font "$latin" -background white "$folder"/tile-*.png -tile 4x3 -geometry +5+4 -strip -define png:exclude-chunks=date,time "$folder/sheet.png"
rm -f "$folder"/tile-*.png
