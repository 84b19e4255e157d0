#!/usr/bin/env bash
# check_neon.sh: builds the kernels and their tests for 64-bit Arm and runs the tests, emulated, on an x86 Debian or Ubuntu: the proof that the NEON target
# compiles and computes the same. Installs a cross compiler and an emulator where missing; Arm libraries go to build/neon alone.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/build/neon
target=aarch64-linux-gnu
mkdir -p "$build"/{apt/lists/partial,apt/cache/archives/partial,packages,objects}

if ! command -v $target-g++ >/dev/null || ! command -v qemu-aarch64-static >/dev/null; then
  apt-get install -y --no-install-recommends g++-$target qemu-user-static
fi
if [[ ! -d $build/root ]]; then
  apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$build/apt/lists" -o "Dir::Cache=$build/apt/cache"
    -o Dir::State::status=/dev/null)
  "${apt[@]}" update
  (cd "$build/packages" && "${apt[@]}" download libhwy1 libhwy-dev libgtest-dev libgmock-dev libfmt-dev)
  for package in "$build"/packages/*.deb; do dpkg-deb -x "$package" "$build/root.new"; done
  mv "$build/root.new" "$build/root"
fi

libraries=$build/root/usr/lib/$target
compile() {
  "$target-g++" -std=c++20 -O2 -fopenmp -fno-math-errno -ffp-contract=off -DHWY_SHARED_DEFINE -DFMT_HEADER_ONLY -Wall -Wextra -Wconversion -Wshadow -Werror -Wno-restrict \
    -I. -isystem "$build/root/usr/include" -isystem "$build/root/usr/include/$target" -c "$1" -o "$build/objects/${1//\//_}.o"
}
export -f compile
export build target
{ ls neurons/kernels/*.cpp; ls neurons/base/*.cpp | grep -v '_test\.cpp$'; } | xargs -P "$(nproc)" -I{} bash -c 'compile {}'
"$target-g++" "$build"/objects/*.o -o "$build/test_kernels" -fopenmp -L"$libraries" -Wl,-rpath-link,"$libraries" -lgmock -lgtest -lgtest_main -lhwy
qemu-aarch64-static -L /usr/$target -E LD_LIBRARY_PATH="$libraries" "$build/test_kernels" --gtest_brief=1
