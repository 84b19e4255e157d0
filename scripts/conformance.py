#!/usr/bin/env python3
"""conformance.py NEURONS [--update]: ONNX's published test cases, run by the command NEURONS, tier by tier beside ONNX Runtime.

The cases are those of Debian's libonnx-testdata; tests/conformance/ladder.tsv lists them with their tiers, what ONNX Runtime makes of each, and what passed
here. Exit 1 if one that passed does not any more. --update writes what passes now to that list, and docs/conformance.md.
"""

import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LADDER = ROOT / "tests" / "conformance" / "ladder.tsv"
PAGE = ROOT / "docs" / "conformance.md"
DATA = pathlib.Path("/usr/share/libonnx-testdata/data")
SUITES = ("node", "pytorch-converted", "pytorch-operator", "simple")
TIERS = {"1": "1: everyday networks", "2": "2: the rest in single precision", "3": "3: quantised, other types", "out": "not owed"}

NAMED = 3  # cases with the same reason that the page names

Case = collections.namedtuple("Case", "suite test tier group onnxruntime neurons")


def read_ladder():
    """The comment lines and column names as one text, and the cases."""
    lines = LADDER.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#")) + 1
    return "\n".join(lines[:first]), [Case(*line.split("\t")) for line in lines[first:]]


def run(program):
    """(suite, test) → (passed, reason), as the command says."""
    command = [program, "conformance", "--json", *(str(DATA / suite) for suite in SUITES)]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    if "cases" not in answer:
        sys.exit(f"conformance.py: {answer.get('error', 'the command gave no answer')}")
    return {(pathlib.Path(case["folder"]).parent.name, case["name"]): (case["outcome"] == "passed", case["reason"])
            for case in answer["cases"]}


def table(cases, key, head):
    """A table in Markdown: rows by key(case), how many pass here and there."""
    counts = collections.defaultdict(lambda: [0, 0, 0])
    for case in cases:
        count = counts[key(case)]
        count[0] += 1
        count[1] += case.neurons == "pass"
        count[2] += case.onnxruntime == "pass"
    rows = [(head, "cases", "Neurons", "ONNX Runtime 1.30"), *((name, *map(str, counts[name])) for name in sorted(counts))]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["| " + " | ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in (1, 2, 3))]) + " |" for row in rows]
    lines.insert(1, "|" + "-" * (widths[0] + 2) + "|" + "|".join("-" * (width + 1) + ":" for width in widths[1:]) + "|")
    return "\n".join(lines)


def page(cases, reasons):
    """docs/conformance.md."""
    owed = [case for case in cases if case.tier != "out"]
    text = f"""# Conformance with ONNX

Written by `scripts/conformance.py build/release/neurons --update`; `./check` runs the same cases and fails where one that passed does not. They are those
of Debian's `libonnx-testdata` 1.12; `neurons conformance DIR` runs any others. Numbers may differ from the published ones by 0.1%, as in ONNX's own runner.

{table(cases, lambda case: TIERS[case.tier], "tier")}

Where ONNX Runtime and the published results disagree, the published ones count.

## By group

Tiers 1 to 3.

{table(owed, lambda case: case.group, "group")}

## What does not pass

"""
    for tier in TIERS:
        by_reason = collections.defaultdict(list)
        for case in cases:
            if case.tier == tier and case.neurons != "pass":
                by_reason[reasons[case.suite, case.test]].append(case.test.removeprefix("test_"))
        if not by_reason:
            continue
        text += f"### Tier {TIERS[tier]}\n\n" if tier != "out" else "### Not owed\n\n"
        for reason, names in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            text += f"* {', '.join(names[:NAMED])}{more}: {reason}\n"
        text += "\n"
    return text.rstrip("\n") + "\n"


def main():
    program, update = sys.argv[1], sys.argv[2:] == ["--update"]
    head, ladder = read_ladder()
    found = run(program)
    absent = [case.test for case in ladder if (case.suite, case.test) not in found]
    if absent:
        sys.exit(f"conformance.py: {len(absent)} cases of the ladder are not in {DATA}, such as {absent[0]}")
    cases = [case._replace(neurons="pass" if found[case.suite, case.test][0] else "") for case in ladder]
    reasons = {name: reason for name, (_, reason) in found.items()}
    print(table(cases, lambda case: TIERS[case.tier], "tier"))
    worse = [(case.test, reasons[case.suite, case.test]) for case, before in zip(cases, ladder)
             if before.neurons == "pass" and case.neurons != "pass"]
    better = sum(before.neurons != "pass" and case.neurons == "pass" for case, before in zip(cases, ladder))
    for test, reason in worse:
        print(f"passed before, does not now: {test}: {reason}")
    if update:
        LADDER.write_text(head + "\n" + "".join("\t".join(case) + "\n" for case in cases))
        PAGE.write_text(page(cases, reasons))
    elif better:
        print(f"{better} more pass than are recorded: scripts/conformance.py {program} --update")
    sys.exit(bool(worse) and not update)


if __name__ == "__main__":
    main()
