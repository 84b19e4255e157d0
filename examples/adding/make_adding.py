#!/usr/bin/env python3
"""Writes adding.npz: the adding problem (Hochreiter, Schmidhuber 1997) over 200 steps.

    python3 examples/adding/make_adding.py [FILE]

Each sample is 200 steps of two numbers: one drawn from 0 … 1, and a mark that is 1 at two steps, one in each half, else 0. The target is
the sum of the two marked numbers (x_train, x_test: f32 [samples, 200, 2]; y_train, y_test: f32 [samples, 1]). Who always says 1 has a
root mean squared error of 0.408, the square root of 1/6. Needs nothing but Python; the same file every time.
"""

import array
import pathlib
import random
import struct
import sys
import zipfile

STEPS = 200


def npy(shape, values):
    """The bytes of an .npy file."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    data = array.array("f", values)
    if sys.byteorder == "big":
        data.byteswap()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data.tobytes()


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "adding.npz"
    source = random.Random(1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, samples in (("train", 20000), ("test", 1000)):
            inputs, targets = [], []
            for _ in range(samples):
                marked = (source.randrange(STEPS // 2), STEPS // 2 + source.randrange(STEPS // 2))
                numbers = [source.random() for _ in range(STEPS)]
                for step, number in enumerate(numbers):
                    inputs += (number, 1.0 if step in marked else 0.0)
                targets.append(sum(numbers[step] for step in marked))
            archive.writestr(f"x_{part}.npy", npy((samples, STEPS, 2), inputs))
            archive.writestr(f"y_{part}.npy", npy((samples, 1), targets))
    print(path)


if __name__ == "__main__":
    main()
