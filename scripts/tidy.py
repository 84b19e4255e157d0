#!/usr/bin/env python3
"""tidy.py [BUILD]: clang-tidy on every source that the build folder compiles, some at a time where the build does, but for tests. Ops are looked at
some at a time, too: most of clang-tidy's time goes into what they all include. What passed before and has not changed since, nor anything it
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


OPS = ROOT / "neurons/ops"
OPS_AT_A_TIME = 12


def together(ops, place):
    """A source that includes these ops, each in a namespace of its own, since each has its own `prepare` and `reference`."""
    lines = [f'#include "{header.relative_to(ROOT)}"' for header in sorted([*OPS.glob("*.hpp"), *OPS.glob("common/*.hpp")])]
    for op in ops:
        own = f"ops_{op.stem}"
        lines += [f"namespace neurons::{own} {{ using namespace neurons::ops; }}", f"#define ops {own}",
                  f'#include "{op.relative_to(ROOT)}"', "#undef ops"]
    place.write_text("\n".join(lines) + "\n")
    return place


def join_ops(folder):
    """Sources for clang-tidy in place of the ops: {source: its ops}. They join the compile_commands.json in that folder."""
    commands = folder / "compile_commands.json"
    entries = json.loads(commands.read_text())
    ops = sorted(path for path in map(pathlib.Path, (entry["file"] for entry in entries)) if path.parent == OPS and "_test" not in path.stem)
    joined = {}
    for first in range(0, len(ops), OPS_AT_A_TIME):
        some = ops[first:first + OPS_AT_A_TIME]
        source = together(some, folder / f"ops_{first // OPS_AT_A_TIME}.cpp")
        joined[source] = some
        like = next(entry for entry in entries if entry["file"] == str(some[0]))
        entries.append({**like, "file": str(source), "command": like["command"].replace(str(some[0]), str(source))})
    commands.write_text(json.dumps(entries))
    return joined


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
    joined = join_ops(passed)
    if not dependencies:
        sys.exit(f"tidy: nothing has been compiled in {build}; build first")
    apart = set(sources(build)) & set(dependencies) - {op for ops in joined.values() for op in ops}  # a peer not asked for is not compiled

    def look_at(path):
        files = {file for source in joined.get(path, [path]) for file in dependencies.get(source, [source])}
        mark = passed / key_of(path, files, configuration)
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
        for complaint in pool.map(look_at, sorted(joined) + sorted(apart)):
            if complaint:
                clean = False
                print(complaint, end="", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
