#!/usr/bin/env bash
# library_size.sh: what the library (core, layers, training) adds to a program: the size of examples/consumer, stripped. Needs build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
work=build/library_size
cmake --install build/release --prefix "$work/prefix" >"$work.log"
cmake -S examples/consumer -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$PWD/$work/prefix" >>"$work.log"
cmake --build "$work" >>"$work.log"
strip -o "$work/stripped" "$work/consumer"
printf '%d bytes stripped\n' "$(stat -c %s "$work/stripped")"
