#!/bin/sh
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# changes.sh FOLDER: what demo/changes.py made, before and after with the words, on one sheet, FOLDER/changes.png.
set -eu
folder=$1
font=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
n=0
while read -r words; do
  name=$(printf %04d $n)
  before=$folder/before/$name.png
  [ -f "$before" ] || before='xc:white[192x192!]' # a picture from words alone
  convert -quiet \( "$before" -background '#dddddd' -gravity center -extent 192x192 \) \( "$folder/made/$name.png" -resize '192x192>' \) +append \
    \( -font "$font" -pointsize 12 -background white -fill black -size 384x34 -gravity north caption:"$words" \) -append "$folder/tile-$name.png"
  n=$((n + 1))
done <"$folder/words.txt"
montage -font "$font" -background white "$folder"/tile-*.png -tile 2x -geometry +6+4 -strip -define png:exclude-chunks=date,time "$folder/changes.png"
rm -f "$folder"/tile-*.png
