#!/usr/bin/env python3
"""check_docs.py PREFIX WORK: what the documents show is true.

* Every ```cpp block of README.md and docs/ that has a main, and every examples/*.cpp, is built against the library installed in PREFIX and run.
  Where a ```text block follows the program, that is what it prints.
* Every ```sh block of docs/ is run, command by command, in a folder that sees the repository's data/, examples/ and build/; `neurons` is build/release/neurons.
* Every relative link leads to a file.
WORK is a folder for what is built. Exit 1 if anything is not so.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(documents LANGUAGES CXX)
find_package(neurons REQUIRED)
link_libraries(neurons::neurons)
add_compile_options(-Wall -Wextra -Werror)
find_program(LLD ld.lld)  # links in a third of the processor time of GNU ld
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()
file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp "")
add_library(precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
target_precompile_headers(precompiled PRIVATE <neurons/neurons.hpp>)
file(GLOB programs CONFIGURE_DEPENDS *.cpp)
foreach(program IN LISTS programs)
  get_filename_component(name ${program} NAME_WE)
  add_executable(${name} ${program})
  file(STRINGS ${program} whole REGEX "^#include .neurons/neurons.hpp.$")
  if(whole)
    target_precompile_headers(${name} REUSE_FROM precompiled)  # what it includes anyway is read once for all
  endif()
endforeach()
"""


def pages():
    """The documents."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")),
            *sorted(path for folder in ("neurons", "apps", "benchmarks", "examples", "tests", "data")
                    for path in (ROOT / folder).rglob("README.md"))]


def broken_links(page):
    """Links of a page that lead nowhere."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for target in LINK.findall(text):
        if not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)}: the link {target} leads nowhere"


def programs():
    """(name, source, expected output or None) of each program."""
    for path in sorted((ROOT / "examples").glob("*.cpp")):
        yield "example_" + path.stem, path.read_text(), None
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        blocks = BLOCK.findall(page.read_text())
        for index, (language, text) in enumerate(blocks):
            if language == "cpp" and "int main" in text:
                following = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
                yield f"{page.stem}_{index}", text, following[1] if following[0] == "text" else None


def write_if_changed(path, text):
    """Keeps the build warm."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def new_folder(path):
    """An empty folder that sees what programs and commands read of the repository."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for name in ("data", "examples", "build"):
        (path / name).symlink_to(ROOT / name)
    return path


def check_programs(prefix, work):
    """Builds and runs all programs."""
    source = work / "programs"
    source.mkdir(parents=True, exist_ok=True)
    write_if_changed(source / "CMakeLists.txt", PROJECT)
    all_programs = list(programs())
    for path in source.glob("*.cpp"):
        if path.stem not in {name for name, _, _ in all_programs}:
            path.unlink()
    for name, text, _ in all_programs:
        write_if_changed(source / f"{name}.cpp", text)
    build = source / "build"
    for command in (["cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1",
                     f"-DCMAKE_PREFIX_PATH={prefix}"], ["cmake", "--build", build]):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            yield run.stdout + run.stderr
            return
    folder = new_folder(work / "runs")
    for name, _, expected in all_programs:
        run = subprocess.run([build / name], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        print(f"--- {name}\n{run.stdout}{run.stderr}", end="")
        if run.returncode != 0:
            yield f"{name}: exit {run.returncode}: {run.stderr}"
        elif expected is not None and run.stdout != expected:
            yield f"{name}: prints\n{run.stdout}where the page says\n{expected}"


def check_commands(work):
    """Runs the shell blocks of each page, page by page in a folder of its own."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        script = "\n".join(text for language, text in BLOCK.findall(page.read_text()) if language == "sh")
        if not script:
            continue
        folder = new_folder(work / "commands" / page.stem)
        environment = {**os.environ, "PATH": f"{ROOT / 'build/release'}:{os.environ['PATH']}"}
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, check=False,
                             timeout=600, stdin=subprocess.DEVNULL, env=environment)
        print(f"--- {page.name}\n{run.stdout}{run.stderr}", end="")
        if run.returncode != 0:
            yield f"{page.relative_to(ROOT)}: exit {run.returncode}: {run.stderr}"


def main():
    prefix, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    faults = [fault for page in pages() for fault in broken_links(page)]
    faults += check_programs(prefix, work)
    faults += check_commands(work)
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
