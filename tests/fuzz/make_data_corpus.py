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


def png(width, height, depth, colour, rows, extra=b"", interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + (chunk(b"PLTE", extra) if extra else b"")
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def jpeg(components, progressive=False):
    """One flat block of 8×8 pixels: every DC and AC code is a single 0 bit."""

    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    def huffman(table):  # one code of one bit, for the value 0
        return segment(0xC4, bytes([table, 1] + [0] * 15 + [0]))

    ids = range(1, components + 1)
    frame = segment(0xC2 if progressive else 0xC0, struct.pack(">BHHB", 8, 8, 8, components) + b"".join(bytes([i, 0x11, 0]) for i in ids))

    def scan(chosen, first, last, bits):
        data = (1 << (8 - bits)) - 1  # zeros, filled up with ones
        return segment(0xDA, bytes([len(chosen)]) + b"".join(bytes([i, 0]) for i in chosen) + bytes([first, last, 0])) + bytes([data])

    if progressive:
        scans = scan(list(ids), 0, 0, components) + b"".join(scan([i], 1, 63, 1) for i in ids)
    else:
        scans = scan(list(ids), 0, 63, 2 * components)
    return b"\xff\xd8" + segment(0xDB, bytes([0] + [1] * 64)) + frame + huffman(0x00) + huffman(0x10) + scans + b"\xff\xd9"


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
        "huge.png": png(16384, 16384, 8, 0, b"\0"),
        "cut.png": png(2, 2, 8, 0, b"\0\1\2\0\3\4")[:-9],
        "grey.jpg": jpeg(1),
        "colour.jpg": jpeg(3),
        "progressive.jpg": jpeg(1, progressive=True),
        "progressive_colour.jpg": jpeg(3, progressive=True),
        "cut.jpg": jpeg(3)[:-2],
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
