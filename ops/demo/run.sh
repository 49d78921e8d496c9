#!/bin/sh
# Captions the demonstration clip and shows the first captions and where the files are.
set -eu
cd "$(dirname "$0")/../.."
out=reelay-out

.venv/bin/reelay run ops/demo/clip.mp4 --model tiny.en --out "$out"

echo
echo "The first captions ($out/clip/clip.en.srt):"
echo
awk -v RS= -v ORS='\n\n' 'NR <= 6' "$out/clip/clip.en.srt"
echo "All files:"
ls -1 "$out"/clip/*
echo
echo "Your own video:  .venv/bin/reelay run FILE --model tiny.en"
echo "On a page:       .venv/bin/reelay up --model tiny.en"
