#!/usr/bin/env python3
"""Writes low_digits.npz and high_digits.npz: MNIST's digits 0 to 4, and 5 to 9.

    python3 examples/finetune/make_halves.py [FOLDER]

Each holds x_train and x_test (u8 [samples, 1, 28, 28]) and y_train and y_test (i64 labels from 0 to 4; of the higher digits, label 0
is a 5). Needs nothing but Python; the same files every time.
"""

import array
import gzip
import pathlib
import struct
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
MNIST = HERE.parent.parent / "data" / "mnist"
PIXELS = 28 * 28
HALF = 5


def npy(code, shape, data):
    """The bytes of an .npy file."""
    header = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    parts = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        images = gzip.decompress((MNIST / f"{name}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((MNIST / f"{name}-labels-idx1-ubyte.gz").read_bytes())[8:]
        parts[part] = (images, labels)
    for title, first in (("low", 0), ("high", HALF)):
        path = folder / f"{title}_digits.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, (images, labels) in parts.items():
                chosen = [i for i, label in enumerate(labels) if first <= label < first + HALF]
                pixels = b"".join(images[i * PIXELS : (i + 1) * PIXELS] for i in chosen)
                classes = array.array("q", (labels[i] - first for i in chosen))
                archive.writestr(f"x_{part}.npy", npy("|u1", (len(chosen), 1, 28, 28), pixels))
                archive.writestr(f"y_{part}.npy", npy("<i8", (len(chosen),), classes.tobytes()))
                print(f"{path.name}: {len(chosen)} digits to {part}")


if __name__ == "__main__":
    main()
