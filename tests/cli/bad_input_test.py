#!/usr/bin/env python3
"""bad_input_test.py NEURONS: whatever is wrong with files, disks and specs, the program says it in one sentence, exits with 1 or 2, leaves
nothing half-written and the last good checkpoint as it was.
"""

import os
import shutil
import stat
import struct
import subprocess
import unittest
import zipfile

from cli_case import CliCase, main, npy, SMALL_SPEC


class Specs(CliCase):
    def test_bad_specs(self):
        for text, part in [
            (SMALL_SPEC.replace("epochs", "epoch"), 'bad.toml:12:1: unknown key "epoch"; did you mean "epochs"?'),
            (SMALL_SPEC.replace("12", '"12"'), "bad.toml:12:10: epochs: expected a whole number"),
            (SMALL_SPEC.replace('"iris"', '"irys"'), 'did you mean "iris"?'),
            (SMALL_SPEC.replace("[data]", "[data"), "bad.toml:2:6: "),
            (SMALL_SPEC.replace("units = 8", "units = 0"), "bad.toml:8:11: dense1: units = 0 must be"),
            (SMALL_SPEC.replace("test = 0.2", "ignore = ['species', 'id']"), "bad.toml:4:22: ignore = \"id\": "),
            (SMALL_SPEC.replace('units = "outputs"', "units = 2"), "3 classes"),
            (SMALL_SPEC.replace('{ kind = "dense", units = 8, activation = "tanh" }', '{ kind = "reshape", shape = [3] }'), "reshape1"),
            (SMALL_SPEC.replace("test = 0.2", "test = 150"), "holds only 150 samples"),
            (SMALL_SPEC.replace("test = 0.2", "target = 'colour'"), "colour"),
            (SMALL_SPEC.replace("[network]", "[network]\ninputs = [{ shape = [5] }]"), 'bad.toml: input "x" has shape [5]'),
            (SMALL_SPEC.replace("0.02 }", "0.02, beta1 = 1.0 }"), "bad.toml:11:60: adam: beta1 = 1 must be at least 0 and below 1"),
            (SMALL_SPEC.replace("epochs = 12", "epochs = 0"), "bad.toml:12:10: epochs = 0 must be at least 1"),
            (SMALL_SPEC.replace("0.02 }", "-0.02 }"), "bad.toml:11:46: adam: learning_rate = -0.02 must be at least 0"),
            (SMALL_SPEC.replace("seed = 3", "loss = { kind = 'cross_entropy', class_weights = [1.0, -1.0, 1.0] }"), "class weight -1 must be"),
            (SMALL_SPEC.replace("seed = 3", "loss = 'mse'"), "loss mse: the data has class labels"),
            (SMALL_SPEC.replace('units = "outputs"', 'units = "outputs", activation = "softmax"'), 'output "y" ends in softmax; leave that out'),
            (SMALL_SPEC + "groups = [{ pattern = 'dense3.*' }]\n", "bad.toml:15:23: groups[0].pattern = \"dense3.*\" matches no parameter; did you"),
            (SMALL_SPEC + "freeze = ['*.wieght']\n", 'bad.toml:15:11: freeze: no parameter matches "*.wieght"; did you mean "*.weight"?'),
            (SMALL_SPEC.replace("epochs = 12", "epochs = 9223372036854775807"), "epochs = 9223372036854775807: of "),
            ("", "has no layers"),
        ]:
            bad = self.write("bad.toml", text)
            self.assertIn(part, self.sentence("train", bad, "--out", self.folder / "run", "--quiet", code=2))
            self.assertFalse((self.folder / "run").exists())

    def test_missing_files(self):
        self.assertIn("nowhere.toml", self.sentence("train", "nowhere.toml", code=2))
        self.assertIn("nowhere.csv", self.sentence("train", self.spec, "--data", "nowhere.csv", code=2))


class Data(CliCase):
    def test_bad_data(self):
        for name, data, part in [
            ("ragged.csv", "a,b\n1,2\n3\n", "ragged.csv:3: 1 cells, expected 2"),
            ("empty.csv", "", "empty.csv: is empty"),
            ("header.csv", "a,b\n", "header.csv: holds a header and no row"),
            ("text.csv", "a,y\n1,0.5\nx,0.7\n2,0.1\n", 'text.csv:3: column a holds "x", but'),
            ("lines.csv", '"a\nb",y\n1,u\nx,v\n2,u\n', 'lines.csv:4: column a\\x0ab holds "x", but'),
            ("single.csv", "a,y\n1,u\n3,u\n2,u\n", 'all 2 samples to learn from are of the class "u"'),
            ("infinite.csv", "a,y\n1,u\ninf,v\n2,u\n", "infinite.csv:3: column a holds"),
            ("binary.csv", b"\0\1\2\xff,\n", "binary.csv:1: holds a NUL byte"),
            ("wide.csv", ",".join("1" * 1_000_000) + "\n", "wide.csv:1: more than 100000 cells"),
            ("train-images-idx3-ubyte", b"\0\0\x08\x03", "inside the header"),
            ("train-images-idx3-ubyte", struct.pack(">4sIII", b"\0\0\x08\x03", 2**31 - 1, 2**31 - 1, 2**31 - 1), "the header is damaged"),
            ("train-images-idx3-ubyte", struct.pack(">4sIII", b"\0\0\x08\x03", 60000, 28, 28) + bytes(1000), "ends after 1016 of 47040016 bytes"),
            ("train-images-idx3-ubyte.gz", b"no gzip at all", "neither plain nor gzip-compressed"),
        ]:
            shutil.rmtree(self.folder / ("data_of_" + name), ignore_errors=True)
            path = self.write("data_of_" + name + "/" + name, data)
            if name.startswith("train-images"):
                self.write("data_of_" + name + "/train-labels-idx1-ubyte", b"")
            self.assertIn(part, self.sentence("train", self.spec, "--data", path.parent, "--out", self.folder / "run", "--quiet", code=2))
            self.assertFalse((self.folder / "run").exists())

    def test_bad_arrays(self):
        for name, inputs, labels, part in [
            ("nan.npz", [1.0, float("nan"), 3.0, 4.0], [0, 1], "inputs: sample 0 (from 0), column 1 is nan"),
            ("negative.npz", [1.0, 2.0, 3.0, 4.0], [0, -1], "label -1 of sample 1 (from 0) is out of range"),
            ("far.npz", [1.0, 2.0, 3.0, 4.0], [0, 255], "label 255 of sample 1 (from 0) is out of range"),
            ("none.npz", [], [], "holds no samples"),
            ("short.npz", [1.0, 2.0, 3.0, 4.0], [0], "2 samples of inputs, but 1 of targets"),
        ]:
            path = self.folder / name
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("x.npy", npy("<f4", (len(inputs) // 2, 2), struct.pack(f"<{len(inputs)}f", *inputs)))
                file.writestr("y.npy", npy("<i8", (len(labels),), struct.pack(f"<{len(labels)}q", *labels)))
            self.assertIn(part, self.sentence("train", self.spec, "--data", path, "--out", self.folder / "run", "--quiet", code=2))
            self.assertFalse((self.folder / "run").exists())


class Disks(CliCase):
    def small_disk(self, kilobytes):
        """A file system of that size, or a skipped test where we may not mount one."""
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = os.geteuid() == 0 and shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], capture_output=True, check=False).returncode == 0
        if not mounted:
            self.skipTest("only root may mount a small disk")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=True)
        return disk

    def bytes_below(self, folder):
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def test_full_disk_leaves_no_half_file_and_the_last_checkpoint(self):
        disk = self.small_disk(4)
        said = self.sentence("train", self.spec, "--out", disk / "run", "--quiet", code=1)
        self.assertRegex(said, r"/run/.*: cannot be written: No space left on device$")
        self.assertEqual(self.bytes_below(disk), {})
        subprocess.run(["mount", "-o", "remount,size=1000k", str(disk)], check=True)
        self.train("disk/run")
        before = self.bytes_below(disk)
        (disk / "fill").write_bytes(b"")
        with open(disk / "fill", "wb", buffering=0) as fill:
            try:
                while fill.write(bytes(4096)):
                    pass
            except OSError:
                pass
        more = ("train", self.spec, "--out", disk / "run", "--epochs", "20", "--resume", "--quiet")
        self.assertIn("No space left on device", self.sentence(*more, code=1))
        (disk / "fill").unlink()
        self.assertEqual(self.bytes_below(disk), before)
        self.call(*more)

    def test_read_only_disk(self):
        disk = self.small_disk(1000)
        self.train("disk/run")
        before = self.bytes_below(disk)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for out, more in [("run", ["--resume", "--epochs", "20"]), ("run", []), ("new", [])]:
            said = self.sentence("train", self.spec, "--out", disk / out, "--quiet", *more, code=1)
            self.assertIn("Read-only file system", said)
        self.assertEqual(self.bytes_below(disk), before)

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_read_only_folder(self):
        parent = self.folder / "closed"
        parent.mkdir()
        parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
        self.assertIn("closed/run", self.sentence("train", self.spec, "--out", parent / "run", "--quiet", code=1))

    def test_out_that_cannot_be(self):
        self.write("file", "")
        self.assertIn("file", self.sentence("train", self.spec, "--out", self.folder / "file", "--quiet", code=2))
        self.assertIn("file/run", self.sentence("train", self.spec, "--out", self.folder / "file/run", "--quiet", code=1))
        self.assertIn("/proc/run", self.sentence("train", self.spec, "--out", "/proc/run", "--quiet", code=1))

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([str(self.program), "data", "list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the output could not be written", done.stderr)

    def test_a_file_beyond_the_users_limit_leaves_no_trace(self):
        limited = f"ulimit -f 2; '{self.program}' train '{self.spec}' --out '{self.folder}/run' --quiet"
        done = subprocess.run(limited, shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        said = [line for line in done.stderr.splitlines() if "libgcov" not in line]  # which cannot write its counts either
        self.assertEqual(len(said), 1, done.stderr)
        self.assertRegex(said[0], r"^neurons: .*state.safetensors: cannot be written: File too large$")
        self.assertFalse((self.folder / "run").exists())


class Sequences(CliCase):
    def test_bad_series(self):
        for rows, keys, part in [
            ("1,5\n2,6\n2,7\n3,8\n", 'time = "t"', "series.csv:4: the time 2 stands twice"),
            ("1,5\n2,6\n3,6\n5,7\n6,8\n", 'time = "t"', "series.csv:5: a gap: 1 row is missing between 3 and 5"),
            ("1,5\n3,6\n2,7\n", 'time = "t"', "series.csv:4: the time 2 comes after 3"),
            ("1,5\n2,NA\n3,7\n", "length = 1", "series.csv:3: column y: the value is missing"),
            ("1,5\n2,6\n3,7\n", "length = 1, horizon = 3", "horizon = 3 is longer than the series, which has 3 steps"),
            ("1,5\n2,6\n3,7\n", "length = 3", "too few for one window of length = 3"),
            ("", "length = 3", "series.csv: holds a header and no row"),
        ]:
            self.write("series.csv", "t,y\n" + rows)
            bad = self.write("bad.toml", SMALL_SPEC.replace("test = 0.2\nvalidation = 0.2", f"series = {{ {keys} }}").replace("iris", "series.csv"))
            self.assertIn(part, self.sentence("train", bad, "--out", self.folder / "run", "--quiet", code=2))
            self.assertFalse((self.folder / "run").exists())

    def test_bad_texts(self):
        for text, keys, part in [
            (b"fine\ncaf\xe9", "length = 2", "text.txt:2: byte 0xe9 is not UTF-8; save the file in UTF-8"),
            (b"a\0b", "length = 2", "text.txt:1: holds a NUL byte"),
            (b"", "length = 2", "text.txt: holds no text"),
            (b"short", "length = 9", "5 tokens, but a window takes 9"),
            (b"short", "tokens = 'words'", "expected byte, character, byte_pair"),
        ]:
            self.write("text.txt", text)
            bad = self.write("bad.toml", SMALL_SPEC.replace("test = 0.2\nvalidation = 0.2", f"text = {{ {keys} }}").replace("iris", "text.txt"))
            self.assertIn(part, self.sentence("train", bad, "--out", self.folder / "run", "--quiet", code=2))
            self.assertFalse((self.folder / "run").exists())


class Runs(CliCase):
    def test_what_is_no_model(self):
        self.assertIn("there is no such file", self.sentence("evaluate", "nowhere", code=2))
        self.assertIn("no run folder", self.sentence("evaluate", self.folder, code=2))
        self.assertIn("expected a run folder, an .onnx or a .safetensors", self.sentence("evaluate", self.spec, code=2))
        self.train()
        whole = (self.folder / "run/model.safetensors").read_bytes()
        for size in (0, 1, 8, 100, len(whole) - 1):
            self.write("cut.safetensors", whole[:size])
            self.assertIn("cut.safetensors", self.sentence("evaluate", self.folder / "cut.safetensors", code=2))
        for place in (1, 17, 100, 200):  # from the end: in the weights
            self.write("flipped.safetensors", whole[:-place] + bytes([whole[-place] ^ 1]) + whole[len(whole) - place + 1 :])
            self.assertIn("does not match its checksum", self.sentence("evaluate", self.folder / "flipped.safetensors", code=2))

    def test_checkpoints_cut_short(self):
        self.train()
        state = self.folder / "run/checkpoint/state.safetensors"
        whole = state.read_bytes()
        resume = ("train", self.spec, "--out", self.folder / "run", "--epochs", "14", "--resume", "--quiet")
        for size in (0, 7, 8, 9, 1000, len(whole) // 2, len(whole) - 1):
            state.write_bytes(whole[:size])
            self.assertIn("state.safetensors: ", self.sentence(*resume, code=2))
            self.assertEqual(state.read_bytes(), whole[:size])
        state.write_bytes(whole)
        self.call(*resume)

if __name__ == "__main__":
    main()
