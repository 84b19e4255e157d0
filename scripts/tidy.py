#!/usr/bin/env python3
"""tidy.py [BUILD]: clang-tidy on every source that the build folder compiles, but for tests: all of a library or program at once, as most of
clang-tidy's time goes into what they all include. What passed before and has not changed since, nor anything it
includes, is not looked at again. Exit 1 if clang-tidy finds anything."""

import collections
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
    """Of each library or program, the compile commands of the sources to look at: ours, and those in which CMake has put some of ours together."""
    result = collections.defaultdict(list)
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        ours = path.is_relative_to(ROOT) and not path.is_relative_to(build)
        together = path.is_relative_to(build) and path.parent.name == "Unity"
        if (ours or together) and not path.name.endswith("_test.cpp") and "/test_" not in str(path):
            # clang cannot read what GCC has precompiled, and refuses its parameters.
            entry["command"] = re.sub(r" -include \S+cmake_pch\.hxx| -Winvalid-pch| -fpch-preprocess| -fpch-deps| --param=\S+", "", entry["command"])
            result[re.search(r"CMakeFiles/(\w+)\.dir", entry["command"])[1]].append(entry)
    return result


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


def key_of(name, files, configuration):
    """Changes whenever clang-tidy might say something else of these sources."""
    digest = hashlib.sha256(configuration + name.encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve()
    passed = build / "tidy"
    passed.mkdir(exist_ok=True)
    configuration = (ROOT / ".clang-tidy").read_bytes() + pathlib.Path(__file__).read_bytes()
    dependencies = included(build)
    if not dependencies:
        sys.exit(f"tidy: nothing has been compiled in {build}; build first")

    commands = []
    wanted = {}  # the file that clang-tidy reads: files on which what it says depends, and the sources that it includes
    for name, entries in sources(build).items():
        entries = [entry for entry in entries if pathlib.Path(entry["file"]) in dependencies]  # a peer not asked for is not compiled
        if not entries:
            continue
        paths = [pathlib.Path(entry["file"]) for entry in entries]
        together = passed / f"{name}.cpp"
        together.write_text("".join(f'#include "{path}"\n' for path in paths))
        commands += entries + [entries[0] | {"file": str(together), "command": entries[0]["command"].replace(entries[0]["file"], str(together))}]
        wanted[together] = {file for path in paths for file in dependencies[path]}, paths
    (passed / "compile_commands.json").write_text(json.dumps(commands))

    def complaints_about(path):
        # -Wno-unknown-warning-option: the build's compiler may be GCC, whose warnings clang does not all know. -Wno-shadow: of names in other sources;
        # the compilers look where they put together fewer.
        run = subprocess.run(["clang-tidy", "--quiet", "-p", passed, "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-shadow", path],
                             capture_output=True, text=True, check=False)
        if run.returncode == 0:
            return ""
        text = run.stdout + re.sub(r"^\d+ (warnings?|errors?).*\n", "", run.stderr, flags=re.M)
        return text or f"{path}: clang-tidy ended with {run.returncode} and said nothing\n"

    def look_at(together):
        files, paths = wanted[together]
        mark = passed / key_of(together.name, files, configuration)
        if mark.exists():
            return ""
        # What cannot be read together, because of names, is read apart.
        complaints = complaints_about(together) and "".join(complaints_about(path) for path in paths)
        if not complaints:
            mark.touch()
        return complaints

    clean = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaint in pool.map(look_at, sorted(wanted, key=lambda path: -len(wanted[path][0]))):
            if complaint:
                clean = False
                print(complaint, end="", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
