#!/usr/bin/env python3
"""export_test.py NEURONS: what `neurons export` writes works in the programs that it is for, and says what `neurons predict` says."""

import shutil
import struct
import subprocess
import unittest

from cli_case import CliCase, grey_png, main, SMALL_SPEC

STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1"]

SERIES_SPEC = """
[data]
source = "year.csv"
test = 0.3
series = { time = "month", length = 12, horizon = 2, season = 12 }
[network]
layers = [{ kind = "lstm", hidden = 6 }, { kind = "dense", units = "outputs" }]
[training]
optimizer = { kind = "adam", learning_rate = 0.02 }
epochs = 4
"""

COLOURS_SPEC = """
[data]
source = "colours.csv"
target = "size"
[network]
layers = [{ kind = "dense", units = 6, activation = "tanh" }, { kind = "dense", units = "outputs" }]
[training]
optimizer = { kind = "adam", learning_rate = 0.02 }
epochs = 4
"""

PICTURES_SPEC = """
[data]
source = "pictures"
pictures = { standardise = true }
[network]
layers = [
  { kind = "conv2d", filters = 3, kernel = 3 }, "batch_norm", "relu",
  { kind = "max_pool2d", size = 2 }, "flatten", { kind = "dense", units = "outputs" },
]
[training]
epochs = 2
batch_size = 4
"""

PROGRAM = """
#include <stdio.h>
#include "NAME.h"
int main(void)
{
    static float input[MACRO_INPUTS], output[MACRO_OUTPUTS];
    if (fread(input, sizeof(float), MACRO_INPUTS, stdin) != MACRO_INPUTS) {
        return 1;
    }
    CALL
    fwrite(output, sizeof(float), MACRO_OUTPUTS, stdout);
    return 0;
}
"""

PREDICT = "NAME_predict(input, output);"

STEPS = """
    static float memory[MACRO_MEMORY], scratch[MACRO_STEP_SCRATCH + 1];
    for (int t = 0; t < MACRO_INPUTS / MACRO_STEP_INPUTS; ++t) {
        NAME_step(memory, scratch, input + t * MACRO_STEP_INPUTS, output);
    }
"""


@unittest.skipUnless(shutil.which("cc"), "no C compiler")
class PlainC(CliCase):
    def said(self, name, numbers, call=PREDICT):
        """What the exported file of that name says of the numbers."""
        code = PROGRAM.replace("CALL", call).replace("MACRO", name.upper()).replace("NAME", name)
        self.write("c/program.c", code)
        folder = self.folder / "c"
        subprocess.run(["cc", *STRICT, "program.c", f"{name}.c", "-o", "program", "-lm"], cwd=folder, check=True)
        done = subprocess.run([folder / "program"], input=struct.pack(f"<{len(numbers)}f", *numbers), stdout=subprocess.PIPE, check=True)
        return struct.unpack(f"<{len(done.stdout) // 4}f", done.stdout)

    def export(self, run, *more):
        return self.answer("export", self.folder / run, "--to", "c", "--out", self.folder / "c", *more)

    def assertNear(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            self.assertAlmostEqual(a, b, delta=2e-5 * max(1, *map(abs, expected)))

    def test_a_row_of_a_table(self):
        self.train()
        answer = self.export("run", "--name", "iris")
        self.assertEqual(answer["files"], [str(self.folder / "c" / name) for name in ("iris.c", "iris.h")])
        pairs = ["sepal_length=6.1", "sepal_width=2.9", "petal_length=4.7", "petal_width=1.4"]
        expected = self.answer("predict", self.folder / "run", *pairs)["predictions"][0]
        self.assertNear(self.said("iris", [6.1, 2.9, 4.7, 1.4]), expected["probabilities"])
        header = (self.folder / "c" / "iris.h").read_text()
        for words in ("0  sepal_length", "2  virginica", "#define IRIS_INPUTS 4", "iris_predict_in"):
            self.assertIn(words, header)

    def test_texts_are_numbers_of_levels(self):
        rows = "".join(f"{i % 7},{'red green blue'.split()[i % 3]},{i % 5},{i % 3 + i % 7}\n" for i in range(60))
        self.write("colours.csv", "weight,colour,age,size\n" + rows)
        spec = self.write("colours.toml", COLOURS_SPEC + '\n')
        spec.write_text(spec.read_text().replace('target = "size"', 'target = "size"\ntask = "regression"'))
        self.train("colours", spec)
        self.export("colours")
        expected = self.answer("predict", self.folder / "colours", "weight=3", "colour=red", "age=2")["predictions"][0]
        self.assertNear(self.said("colours", [3, 2, 2]), [expected["value"]])
        self.assertIn("colour: 0 = blue, 1 = green, 2 = red", (self.folder / "c" / "colours.h").read_text())

    def test_a_series_as_a_whole_and_step_by_step(self):
        rows = "".join(f"{2000 + i // 12}-{i % 12 + 1:02},{10 + i % 12}\n" for i in range(120))
        self.write("year.csv", "month,count\n" + rows)
        self.train("year", self.write("year.toml", SERIES_SPEC))
        self.export("year")
        forecast = self.answer("predict", self.folder / "year", "--steps", "2")["forecast"]
        expected = [step["columns"]["count"]["value"] for step in forecast]
        window = [10 + i % 12 for i in range(108, 120)]
        self.assertNear(self.said("year", window), expected)
        self.assertNear(self.said("year", window, STEPS), expected)

    def test_bytes_of_a_picture(self):
        for label, value in (("dark", 20), ("light", 200)):
            for i in range(6):
                self.write(f"pictures/{label}/{i}.png", grey_png(8, 8, value + i))
        self.train("pictures_run", self.write("pictures.toml", PICTURES_SPEC))
        self.export("pictures_run")
        seen = self.write("seen.png", grey_png(8, 8, 90))
        expected = self.answer("predict", self.folder / "pictures_run", seen)["predictions"][0]["probabilities"]
        self.assertNear(self.said("pictures_run", [90] * 64), expected)

    def test_files_go_into_the_runs_folder_unless_told_otherwise(self):
        self.train("my run")
        self.assertIn("compile it with: cc -std=c99", self.call("export", self.folder / "my run", "--to", "c").stdout)
        self.assertTrue((self.folder / "my run" / "my_run.c").is_file())


class AnyLength(CliCase):
    def test_a_series_of_any_length(self):
        self.write("year.csv", "month,count\n" + "".join(f"{2000 + i // 12}-{i % 12 + 1:02},{10 + i % 12}\n" for i in range(120)))
        self.train("year", self.write("year.toml", SERIES_SPEC))
        self.call("export", self.folder / "year", "--to", "onnx", "--any-length", "--name", "any")
        any_length = self.folder / "year" / "any.onnx"
        own = self.call("predict", any_length, "--steps", "2")
        self.assertIn("it sees 12 steps at once, as in training; --window N makes it see others", own.stderr)
        self.assertEqual(self.call("predict", self.folder / "year", "--steps", "2").stdout, own.stdout)
        other = self.call("predict", any_length, "--steps", "2", "--window", "20")
        self.assertNotIn("at once", other.stderr)
        self.assertNotEqual(other.stdout, own.stdout)
        windows = [self.answer("evaluate", any_length, *window)["samples"] for window in ((), ("--window", "12"), ("--window", "20"))]
        self.assertEqual(windows[0], windows[1])
        self.assertLessEqual(windows[2], windows[0])
        self.assertIn("seasonal naive", self.call("evaluate", any_length, "--window", "12").stdout)
        self.assertNotIn("seasonal naive", self.call("evaluate", any_length, "--window", "11").stdout)
        self.assertEqual(len(self.answer("predict", any_length, "--window", "1")["forecast"]), 2)
        complaint = self.sentence("predict", self.folder / "year", "--window", "20", code=2)
        self.assertIn("takes windows of 12 steps alone", complaint)
        checked = self.answer("check", any_length)
        self.assertEqual(checked["inputs"][0]["type"], "f32[1, 1, 1]")
        self.assertIn('input "x" leaves "time" open, 1 is taken: --shape x=1,1,1 takes another', checked["notes"])
        self.assertEqual(self.answer("check", any_length, "--shape", "x=3,40,1")["inputs"][0]["type"], "f32[3, 40, 1]")


class Weights(CliCase):
    def test_pytorchs_names_there_and_back(self):
        """Two runs that begin with the same weights, from the run's own file and from what was exported, end with the same."""
        run = self.folder / "run"
        self.train()
        for form in ("safetensors", "npz"):
            files = self.answer("export", run, "--to", form, "--name", "torch")["files"]
            self.assertEqual(files, [str(run / f"torch.{form}")])
        header = (run / "torch.safetensors").read_bytes()[8:600]
        self.assertIn(b'"dense1.weight"', header)
        self.assertIn(b'"format":"pt"', header)
        own = self.train("own", self.spec, "--weights", run / "model.safetensors")
        fresh = self.train("fresh", self.spec)
        self.assertNotEqual(own["weights_sha256"], fresh["weights_sha256"])
        for i, form in enumerate(("safetensors", "npz")):
            more = ["--weights", run / f"torch.{form}", "--from", "torch-names"]
            self.assertEqual(self.train(f"torch{i}", self.spec, *more)["weights_sha256"], own["weights_sha256"])
        self.assertIn("is the model itself", self.sentence("export", run, "--to", "safetensors", "--name", "model", code=2))

    def test_weights_that_do_not_fit(self):
        self.train()
        wide = self.write("wide.toml", SMALL_SPEC.replace("units = 8", "units = 9"))
        weights = ["--weights", self.folder / "run" / "model.safetensors"]

        def complaint(*arguments):
            return self.sentence("train", wide, "--out", "again", "--quiet", *arguments, code=2)

        self.assertIn('the weights "dense1.weight" are f32[8, 4], but the network needs f32[9, 4]', complaint(*weights))
        self.assertIn("dense1.weight is f32[8, 4], the network needs [9, 4]", complaint(*weights, "--from", "torch-names"))
        self.assertIn('did you mean "torch-names"?', complaint(*weights, "--from", "torch-name"))
        self.assertIn("--from requires --weights", complaint("--from", "torch-names"))
        self.assertIn("expected weights in a .safetensors or .npz file", complaint("--weights", "weights.pt"))
        self.assertIn("nowhere.npz", complaint("--weights", "nowhere.npz"))
        self.assertIn("goes on from its own weights", self.sentence("train", self.spec, "--out", "run", "--resume", "--quiet", *weights, code=2))
        self.assertFalse((self.folder / "again").exists())


class BadExports(CliCase):
    def test_what_cannot_be_exported(self):
        self.train()
        run = self.folder / "run"
        self.assertIn("there is no such file or folder", self.sentence("export", "nowhere", "--to", "c", code=2))
        self.assertIn('unknown format "cc"; did you mean "c"?', self.sentence("export", run, "--to", "cc", code=2))
        self.assertIn("--to is required", self.sentence("export", run, code=2))
        self.assertIn("no run folder", self.sentence("export", self.folder, "--to", "c", code=2))
        self.assertIn("--any-length is for --to onnx", self.sentence("export", run, "--to", "c", "--any-length", code=2))
        self.assertIn("[time, features] of numbers", self.sentence("export", run, "--to", "onnx", "--any-length", code=2))
        self.write("a_file", "")
        self.assertIn("a_file", self.sentence("export", run, "--to", "c", "--out", "a_file/below", code=1))
        self.assertFalse((self.folder / "a_file" / "below").exists())
        spec = SMALL_SPEC.replace('layers = [', 'layers = [{ kind = "reshape", shape = [2, 2] }, { kind = "multi_head_attention", name = "look" }, "flatten", ')
        self.train("norm", self.write("norm.toml", spec))
        complaint = self.sentence("export", self.folder / "norm", "--to", "c", "--out", "made", code=2)
        self.assertIn("plain C cannot do one op of this network: ScaledDotProductAttention (look)", complaint)
        self.assertFalse((self.folder / "made" / "norm.c").exists())

    def test_a_folder_that_cannot_be_made(self):
        self.train()
        self.assertIn("/proc/made: cannot make this folder", self.sentence("export", self.folder / "run", "--to", "c", "--out", "/proc/made", code=1))


if __name__ == "__main__":
    main()
