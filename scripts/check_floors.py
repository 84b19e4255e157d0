#!/usr/bin/env python3
"""check_floors.py [ROOT]: the rules of the tree that no compiler knows. Prints each breach; exit 1 if there is any.

1. A room includes only itself and rooms on floors below its own.
2. Highway is included in neurons/kernels/ alone.
3. No file is longer than 600 lines, but for those in LONG_FILES, each with its reason.
4. No switch and no comparison over op kinds outside neurons/ops/ and neurons/formats/.
5. The library never prints, exits, aborts or reads the environment: only apps/ does.
6. No unfinished work in committed files.
"""

import pathlib
import re
import subprocess
import sys

FLOORS = {  # as in neurons/README.md
    "base": 0,
    "tensor": 1, "kernels": 1,
    "graph": 2,
    "ops/common": 2.5, "ops": 3,
    "plan": 4,
    "layers": 5, "data": 5,
    "formats": 6, "networks": 6,
    "formats/onnx": 6.5,
    "training": 7,
    "spec": 8,
    "insight": 9,
    "server": 10,
}
MAXIMUM_LINES = 600
LONG_FILES = {}  # path: reason

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]neurons/([^">]+)[">]', re.M)
HIGHWAY = re.compile(r'^\s*#\s*include\s*["<]hwy/', re.M)
OP_SWITCH = re.compile(r'switch ?\([^)]*kind|\bop(\(\))?(\.|->)name(\(\))? *[=!]= *"|\b(op_name|op_kind) *[=!]= *"')
NOISE = re.compile(r'std::(cout|cerr|clog|exit|abort|quick_exit|getenv|puts|printf)\b|(?<![\w:.>])(printf|fprintf|puts|exit|_exit|abort|getenv|assert)\(|fmt::print\b')
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')  # unfinished: the pattern itself
COMMENT = re.compile(r'//[^\n]*')


def room_of(path):
    """The room of a path below neurons/, e.g. "ops/common/view.hpp" -> "ops/common"; None for neurons/neurons.hpp."""
    folders = path.split("/")[:-1]
    for length in range(len(folders), 0, -1):
        room = "/".join(folders[:length])
        if room in FLOORS:
            return room
    return folders[0] if folders else None


def breaches_of(path, text):
    """All breaches of one file, as texts."""
    is_code = path.endswith((".cpp", ".hpp", ".h"))
    lines = text.count("\n")
    if path.endswith((".cpp", ".hpp", ".h", ".py", ".cmake", ".sh")) and lines > MAXIMUM_LINES and path not in LONG_FILES:
        yield f"{path}: {lines} lines, {MAXIMUM_LINES} are the most; part it, or name it with its reason in scripts/check_floors.py"
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line) and not line.endswith("# unfinished: the pattern itself"):
            yield f"{path}:{number}: unfinished work belongs in an issue: {line.strip()}"
    if not is_code:
        return
    room = room_of(path.removeprefix("neurons/")) if path.startswith("neurons/") else None
    if room is not None:
        if room not in FLOORS:
            yield f"{path}: the room neurons/{room}/ has no floor; give it one in scripts/check_floors.py and in the design"
            return
        for match in INCLUDE.finditer(text):
            other = room_of(match[1])
            if other is None or other not in FLOORS:
                yield f"{path}: includes neurons/{match[1]}, which is in no room"
            elif other != room and FLOORS[other] >= FLOORS[room]:
                yield (f"{path}: includes neurons/{match[1]}: {room} is on floor {FLOORS[room]} and may include lower floors only, "
                       f"{other} is on floor {FLOORS[other]}")
    if room != "kernels" and HIGHWAY.search(text):
        yield f"{path}: includes Highway: only neurons/kernels/ does"
    if room is None:
        return
    code = COMMENT.sub("", text)
    is_test = path.endswith(("_test.cpp", "testing.hpp", "_testing.hpp", "_test.hpp"))
    for number, line in enumerate(code.splitlines(), 1):
        if room not in ("ops", "ops/common", "formats", "formats/onnx") and not is_test and OP_SWITCH.search(line):
            yield f"{path}:{number}: decides by the kind of op; give OpDef a field that says it: {line.strip()}"
        if not is_test and NOISE.search(line):
            yield f"{path}:{number}: the library never prints, exits, aborts or reads the environment: {line.strip()}"


def files_of(root):
    """Committed and new files, or all of them where there is no repository."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True,
                             text=True, check=False)
    names = listing.stdout.split("\n") if listing.returncode == 0 else [
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return sorted(name for name in names if name and (root / name).is_file())


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    breaches = []
    texts = (".cpp", ".hpp", ".h", ".in", ".py", ".cmake", ".txt", ".sh", ".toml", ".md", ".json")
    for name in files_of(root):
        if name.endswith(texts) and not name.startswith("data/"):
            breaches += breaches_of(name, (root / name).read_text(encoding="utf-8"))
    for path in LONG_FILES:
        if not (root / path).is_file() or (root / path).read_text().count("\n") <= MAXIMUM_LINES:
            breaches.append(f"scripts/check_floors.py: {path} is not a long file any more: take it off the list")
    print("\n".join(breaches), file=sys.stderr) if breaches else None
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
