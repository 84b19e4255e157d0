#!/usr/bin/env bash
# install_packages.sh build|check: installs with apt-get whatever of our packages this machine lacks. Asks nothing.
set -euo pipefail

# What `cmake --preset release` and the build need.
build=(g++ cmake ninja-build libhwy-dev libfmt-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev zlib1g-dev libpng-dev
       libjpeg-dev libgtest-dev libgmock-dev librapidcheck-dev)
# What ./check needs beside them.
check=(ccache clang libclang-rt-dev lld clang-format clang-tidy git python3 libonnx-testdata)

case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  check) wanted=("${build[@]}" "${check[@]}") ;;
  *) echo "usage: scripts/install_packages.sh build|check" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install_packages.sh: no apt-get here; install what Debian calls: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! sudo -n true 2>/dev/null; then
    echo "install_packages.sh: needs root once; run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
