#!/usr/bin/env python3
"""Makes the seed corpora of fuzz_idx, fuzz_csv, fuzz_npy and fuzz_picture: corpus/NAME/ beside this file.

    python3 tests/fuzz/make_data_corpus.py

Only Python's standard library is needed; the files come out the same every time.
"""

import gzip
import io
import pathlib
import struct
import zipfile
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def idx(code, extents, data):
    return struct.pack(">BBBB", 0, 0, code, len(extents)) + b"".join(struct.pack(">I", extent) for extent in extents) + data


def make_idx():
    pictures = idx(0x08, [2, 3, 3], bytes(range(18)))
    return {
        "u8": pictures,
        "i8": idx(0x09, [3], b"\x00\x7f\xff"),
        "i16": idx(0x0B, [1, 2], struct.pack(">2h", -2, 300)),
        "i32": idx(0x0C, [2], struct.pack(">2i", -2, 70000)),
        "f32": idx(0x0D, [2], struct.pack(">2f", 1.5, -2)),
        "f64": idx(0x0E, [1, 1, 1], struct.pack(">d", 0.1)),
        "empty": idx(0x08, [0, 28, 28], b""),
        "oversized": idx(0x08, [0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF], b"x"),
        "gzip": gzip.compress(pictures, mtime=0),
        "members": gzip.compress(pictures[:9], mtime=0) + gzip.compress(pictures[9:], mtime=0),
        "cut": gzip.compress(pictures, mtime=0)[:-4],
        "page": b"<!DOCTYPE html><html>404</html>",
    }


def make_csv():
    return {
        "flowers": b"length,width,kind\n5.1,3.5,setosa\n7.0,3.2,versicolor\n",
        "missing": b"a,b,y\n1,NA,u\n,x,v\n3,?,u\n",
        "quoted": b'a,"b ""c"""\r\n"1","x\ny"\r\n2,z\r\n',
        "semicolons": b"\xef\xbb\xbfa;b\n1,5;2\n",
        "tabs": b"a\tb\n1\t2\n3\t4.5\n",
        "numbers": b"1,2,0\n-3e5,.5,1\n+7,1e-300,0\n",
        "ragged": b"a,b\n1\n",
        "open": b'a\n"x\n',
        "latin": b"name\ncaf\xe9\n",
        "characters": "ä,y\n€,😀\né,z\n".encode(),
        "large": b"a,y\n1e308,1.5\n-1e308,2.5\n",
        "nul": b"a\n\x00\n",
    }


def npy(descr, shape, data, version=1, order=False):
    header = repr({"descr": descr, "fortran_order": order, "shape": shape}).encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def npz(files, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)  # dated 1980
    return file.getvalue()


def make_npy():
    floats = npy("<f4", (2, 1), struct.pack("<2f", 1, -2))
    arrays = {"x.npy": floats, "y.npy": npy("<i8", (2,), struct.pack("<2q", 0, 1))}
    return {
        "f4": floats,
        "f8_fortran": npy("<f8", (2, 2), struct.pack("<4d", 1, 2, 3, 4), order=True),
        "u1_version2": npy("|u1", (3,), b"abc", version=2),
        "b1": npy("|b1", (), b"\x01"),
        "i4_empty": npy("<i4", (0, 5), b""),
        "oversized": npy("<f8", (1 << 40, 1 << 40), b""),
        "stored.npz": npz(arrays, zipfile.ZIP_STORED),
        "deflated.npz": npz(arrays, zipfile.ZIP_DEFLATED),
        "none.npz": npz({}, zipfile.ZIP_STORED),
        "cut.npz": npz(arrays, zipfile.ZIP_DEFLATED)[:-30],
    }


def png(width, height, depth, colour, rows, extra=b"", interlace=0, transparent=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + (chunk(b"PLTE", extra) if extra else b"")
            + (chunk(b"tRNS", transparent) if transparent else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def adam7(width, height, bits, filters=0):
    """The rows of the seven passes of an interlaced picture, `bits` a pixel; every row has the same filter."""
    rows = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        across = len(range(x0, width, dx))
        for y in range(y0, height, dy):
            if across:
                rows += bytes([filters]) + bytes((37 * y + 11 * i) % 256 for i in range((across * bits + 7) // 8))
    return rows


def jpeg(components, progressive=False, sampling=0x11, restart=0, adobe=None, precision=8, exif=b""):
    """One flat block of 8×8 pixels (or what `sampling` makes of it): every DC and AC code is a single 0 bit."""

    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    def huffman(table):  # one code of one bit, for the value 0
        return segment(0xC4, bytes([table, 1] + [0] * 15 + [0]))

    ids = range(1, components + 1)
    frame = segment(0xC2 if progressive else 0xC0, struct.pack(">BHHB", precision, 8, 8, components)
                    + b"".join(bytes([i, sampling if i == 1 else 0x11, 0]) for i in ids))
    blocks = components - 1 + (sampling >> 4) * (sampling & 15) if components > 1 else 1
    head = segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe)) if adobe is not None else b""
    head += segment(0xE1, b"Exif\0\0" + exif) if exif else b""
    head += segment(0xDD, struct.pack(">H", restart)) if restart else b""

    def scan(chosen, first, last, bits):
        size = (bits + 7) // 8
        data = (1 << (8 * size - bits)) - 1  # zeros, filled up with ones
        return (segment(0xDA, bytes([len(chosen)]) + b"".join(bytes([i, 0]) for i in chosen) + bytes([first, last, 0]))
                + data.to_bytes(size, "big"))

    if progressive:
        scans = scan(list(ids), 0, 0, blocks) + b"".join(scan([i], 1, 63, 1) for i in ids)
    else:
        scans = scan(list(ids), 0, 63, 2 * blocks)
    return b"\xff\xd8" + head + segment(0xDB, bytes([0] + [1] * 64)) + frame + huffman(0x00) + huffman(0x10) + scans + b"\xff\xd9"


def make_picture():
    return {
        "grey.png": png(2, 2, 8, 0, b"\0\1\2\0\3\4"),
        "grey1.png": png(9, 1, 1, 0, b"\0\xa5\x80"),
        "grey16.png": png(1, 1, 16, 0, b"\0\1\2"),
        "colour.png": png(1, 2, 8, 2, b"\0\1\2\3\2\1\1\1"),
        "palette.png": png(4, 1, 2, 3, b"\0\x1b", extra=bytes(range(12))),
        "grey_alpha.png": png(1, 1, 8, 4, b"\0\1\2"),
        "colour_alpha.png": png(1, 1, 8, 6, b"\0\1\2\3\4"),
        "interlaced.png": png(2, 2, 8, 0, b"\0\1\0\2\0\3\4", interlace=1),
        "grey2_interlaced.png": png(9, 5, 2, 0, adam7(9, 5, 2), interlace=1),
        "grey16_interlaced.png": png(5, 9, 16, 0, adam7(5, 9, 16, filters=4), interlace=1),
        "grey_alpha16.png": png(1, 2, 16, 4, b"\0\1\2\3\4\2\1\1\1\1"),
        "colour16.png": png(1, 1, 16, 2, b"\0\1\2\3\4\5\6"),
        "colour_alpha16_interlaced.png": png(3, 3, 16, 6, adam7(3, 3, 64, filters=3), interlace=1),
        "palette8_interlaced.png": png(3, 2, 8, 3, b"\0\0\0\1\0\1\0\0\0\1", extra=bytes(range(6)), interlace=1),
        "palette_transparent.png": png(4, 1, 2, 3, b"\0\x1b", extra=bytes(range(12)), transparent=b"\0\x80"),
        "grey_transparent.png": png(2, 1, 8, 0, b"\0\1\2", transparent=b"\0\1"),
        "huge.png": png(16384, 16384, 8, 0, b"\0"),
        "cut.png": png(2, 2, 8, 0, b"\0\1\2\0\3\4")[:-9],
        "grey.jpg": jpeg(1),
        "colour.jpg": jpeg(3),
        "progressive.jpg": jpeg(1, progressive=True),
        "progressive_colour.jpg": jpeg(3, progressive=True),
        "cut.jpg": jpeg(3)[:-2],
        "cmyk.jpg": jpeg(4),
        "cmyk_adobe.jpg": jpeg(4, adobe=2),
        "rgb_adobe.jpg": jpeg(3, adobe=0),
        "two_channels.jpg": jpeg(2),
        "subsampled.jpg": jpeg(3, sampling=0x22),
        "subsampled_progressive.jpg": jpeg(3, progressive=True, sampling=0x21),
        "restart.jpg": jpeg(1, restart=1),
        "twelve_bits.jpg": jpeg(1, precision=12),
        "exif.jpg": jpeg(1, exif=b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)),
        "exif_little_endian.jpg": jpeg(3, exif=b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, 3, 0, 0)),
    }


def main():
    for name, files in {"idx": make_idx(), "csv": make_csv(), "npy": make_npy(), "picture": make_picture()}.items():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        print(f"{folder}: {len(files)} files")


if __name__ == "__main__":
    main()
