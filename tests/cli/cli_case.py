"""What the tests of the command line share: a small spec, and a temporary folder in which to call the program."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

SMALL_SPEC = """
[data]
source = "iris"
test = 0.2
validation = 0.2

[network]
layers = [{ kind = "dense", units = 8, activation = "tanh" }, { kind = "dense", units = "outputs" }]

[training]
optimizer = { kind = "adam", learning_rate = 0.02 }
epochs = 12
batch_size = 16
seed = 3
"""

LONG_SPEC = SMALL_SPEC.replace("epochs = 12", "epochs = 4000")


def grey_png(width, height, value):
    """The bytes of a grey picture of one value."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes([value]) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def npy(dtype, shape, data):
    """The bytes of a NumPy array."""
    header = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


class CliCase(unittest.TestCase):
    program = None

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="neurons-cli-")
        self.addCleanup(temporary.cleanup)  # the last of all
        self.addCleanup(self.open_folders)
        self.folder = pathlib.Path(temporary.name)
        self.spec = self.write("small.toml", SMALL_SPEC)

    def open_folders(self):
        for path in self.folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        return path

    def call(self, *arguments, code=0, environment=None):
        """Runs the program in the temporary folder; checks the exit code."""
        done = subprocess.run(
            [str(self.program), *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=120, env=environment
        )
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stderr}")
        return done

    def answer(self, *arguments, code=0):
        """The one JSON object on stdout."""
        return json.loads(self.call(*arguments, "--json", code=code).stdout)

    def sentence(self, *arguments, code):
        """The one sentence on stderr; nothing may be on stdout."""
        done = self.call(*arguments, code=code)
        self.assertEqual(done.stdout, "")
        lines = [line for line in done.stderr.strip().split("\n") if "WARNING: AddressSanitizer" not in line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("neurons: "), lines[0])
        return lines[0]

    def train(self, name="run", spec=None, *more):
        return self.answer("train", spec or self.spec, "--out", self.folder / name, *more)


def main():
    """The tests of the file that is run; its first argument is the program."""
    CliCase.program = pathlib.Path(sys.argv.pop(1)).resolve()
    program = unittest.main(exit=False)
    if program.result.wasSuccessful():
        print(f"[  PASSED  ] {program.result.testsRun} tests.")
    sys.exit(not program.result.wasSuccessful())
