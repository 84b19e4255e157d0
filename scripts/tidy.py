#!/usr/bin/env python3
"""tidy.py [BUILD]: clang-tidy on every source that the build folder compiles, several at a time where the build does, but for tests: most
of clang-tidy's time goes into what they all include. What passed before and has not changed since, nor anything it
includes, is not looked at again. Exit 1 if clang-tidy finds anything."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sources(build):
    """The sources to look at: ours, and those in which CMake has put some of ours together."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        ours = path.is_relative_to(ROOT) and not path.is_relative_to(build)
        together = path.is_relative_to(build) and path.parent.name == "Unity"
        if (ours or together) and not path.name.endswith("_test.cpp") and "/test_" not in str(path):
            yield path


def included(build):
    """For each source, the files of this project that it read when it was compiled, as ninja knows."""
    result, files = {}, []
    for line in subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("    "):
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT):
                files.append(path)
        elif not line:
            if files:
                result[files[0]] = files
            files = []
    return result


def without_precompiled_headers(build, to):
    """A compile_commands.json whose sources read all that they need by themselves: clang cannot read what GCC has precompiled."""
    entries = json.loads((build / "compile_commands.json").read_text())
    for entry in entries:
        entry["command"] = re.sub(r" -include \S+cmake_pch\.hxx| -Winvalid-pch| -fpch-preprocess| -fpch-deps", "", entry["command"])
    (to / "compile_commands.json").write_text(json.dumps(entries))


def key_of(path, files, configuration):
    """Changes whenever clang-tidy might say something else of this source."""
    digest = hashlib.sha256(configuration + str(path).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve()
    passed = build / "tidy"
    passed.mkdir(exist_ok=True)
    configuration = (ROOT / ".clang-tidy").read_bytes()
    dependencies = included(build)
    without_precompiled_headers(build, passed)
    if not dependencies:
        sys.exit(f"tidy: nothing has been compiled in {build}; build first")
    wanted = set(sources(build)) & set(dependencies)  # a peer not asked for is not compiled

    def look_at(path):
        mark = passed / key_of(path, dependencies[path], configuration)
        if mark.exists():
            return ""
        # -Wno-unknown-warning-option: the build's compiler may be GCC, whose warnings clang does not all know.
        run = subprocess.run(["clang-tidy", "--quiet", "-p", passed, "--extra-arg=-Wno-unknown-warning-option", path],
                             capture_output=True, text=True, check=False)
        if run.returncode == 0:
            mark.touch()
            return ""
        return run.stdout + re.sub(r"^\d+ (warnings?|errors?).*\n", "", run.stderr, flags=re.M)

    clean = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaint in pool.map(look_at, sorted(wanted)):
            if complaint:
                clean = False
                print(complaint, end="", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
