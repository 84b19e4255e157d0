#!/usr/bin/env python3
"""Writes shapes.npz: pictures of discs, squares and triangles, and which pixels belong to a disc.

    python3 examples/shapes/make_shapes.py [FILE]

4,000 pictures of 32 × 32 for training and 500 to judge by (x_train, x_test: u8 [samples, 1, 32, 32]); for each pixel 1 where it shows
a disc, else 0 (y_train, y_test: f32 [samples, 1024]). Shapes vary in place, size and brightness, lie over one another, and the
background is noisy, so that no pixel tells by itself what it is. Needs nothing but Python; the same file every time.
"""

import array
import pathlib
import random
import struct
import sys
import zipfile

SIDE = 32
KINDS = ("disc", "square", "triangle")


def inside(kind, x, y, radius):
    """Whether the point at (x, y) from the middle belongs to the shape."""
    if kind == "disc":
        return x * x + y * y <= radius * radius
    if kind == "square":
        return abs(x) <= 0.85 * radius and abs(y) <= 0.85 * radius
    return -radius <= y <= 0.7 * radius and abs(x) <= 0.6 * (y + radius)


def picture(source):
    """(pixels, mask) of two to four shapes."""
    level = source.randrange(20, 90)
    pixels = [level] * (SIDE * SIDE)
    mask = [0.0] * (SIDE * SIDE)
    for _ in range(source.randrange(2, 5)):
        kind = source.choice(KINDS)
        radius = source.uniform(3.5, 8)
        middle_x, middle_y = source.uniform(4, SIDE - 4), source.uniform(4, SIDE - 4)
        brightness = source.randrange(110, 240)
        for y in range(max(0, int(middle_y - radius)), min(SIDE, int(middle_y + radius) + 2)):
            for x in range(max(0, int(middle_x - radius)), min(SIDE, int(middle_x + radius) + 2)):
                if inside(kind, x - middle_x, y - middle_y, radius):
                    pixels[y * SIDE + x] = brightness
                    mask[y * SIDE + x] = 1.0 if kind == "disc" else 0.0
    return bytes(min(255, max(0, pixel + source.randrange(-20, 21))) for pixel in pixels), mask


def npy(code, shape, data):
    """The bytes of an .npy file."""
    header = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "shapes.npz"
    source = random.Random(1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, samples in (("train", 4000), ("test", 500)):
            pictures, masks = bytearray(), array.array("f")
            for _ in range(samples):
                pixels, mask = picture(source)
                pictures += pixels
                masks.extend(mask)
            archive.writestr(f"x_{part}.npy", npy("|u1", (samples, 1, SIDE, SIDE), bytes(pictures)))
            archive.writestr(f"y_{part}.npy", npy("<f4", (samples, SIDE * SIDE), masks.tobytes()))
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
