#!/usr/bin/env bash
# library_size.sh [PROGRAM]: what the library (core, layers, training) adds to a program: the size of examples/consumer, stripped. Fails above 6 MB.
# PROGRAM is that program; without it, it is built from build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
most=6000000
program=${1:-}
if [[ -z $program ]]; then
  work=build/library_size
  program=$work/consumer
  cmake --install build/release --prefix "$work/prefix" >"$work.log"
  cmake -S examples/consumer -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$PWD/$work/prefix" >>"$work.log"
  cmake --build "$work" >>"$work.log"
fi
strip -o "$program.stripped" "$program"
size=$(stat -c %s "$program.stripped")
printf '%d bytes stripped, %d allowed\n' "$size" "$most"
[[ $size -le $most ]]
