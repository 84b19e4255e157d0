#!/usr/bin/env python3
"""Writes noisy_digits.npz: digits of MNIST under noise, and the clean digits.

    python3 examples/denoise/make_noisy_digits.py [FILE]

6,000 digits for training and 1,000 to judge by: noisy ones (x_train, x_test: u8 [samples, 1, 28, 28]) and the same without noise
(y_train, y_test: f32 [samples, 784] from 0 to 1). The noise is normal with a deviation of 0.4, cut at black and white. Prints how far
apart the two are, which a network that does nothing would leave. Needs nothing but Python; the same file every time.
"""

import array
import gzip
import pathlib
import random
import struct
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
MNIST = HERE.parent.parent / "data" / "mnist"
PIXELS = 28 * 28
DEVIATION = 0.4


def digits(name, samples):
    data = gzip.decompress((MNIST / f"{name}-images-idx3-ubyte.gz").read_bytes())
    return data[16 : 16 + samples * PIXELS]


def npy(code, shape, data):
    """The bytes of an .npy file."""
    header = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "noisy_digits.npz"
    source = random.Random(1)
    noise = [round(255 * source.gauss(0, DEVIATION)) for _ in range(1 << 18)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, name, samples in (("train", "train", 6000), ("test", "t10k", 1000)):
            clean = digits(name, samples)
            noisy = bytearray()
            for first in range(0, len(clean), PIXELS):
                start = source.randrange(len(noise) - PIXELS)
                pairs = zip(clean[first : first + PIXELS], noise[start : start + PIXELS])
                noisy += bytes(min(255, max(0, pixel + change)) for pixel, change in pairs)
            archive.writestr(f"x_{part}.npy", npy("|u1", (samples, 1, 28, 28), bytes(noisy)))
            archive.writestr(f"y_{part}.npy", npy("<f4", (samples, PIXELS), array.array("f", (pixel / 255 for pixel in clean)).tobytes()))
            distance = (sum((a - b) ** 2 for a, b in zip(clean, noisy)) / len(clean)) ** 0.5 / 255
            print(f"{part}: {samples} digits, rmse of the noisy ones {distance:.3f}")
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
