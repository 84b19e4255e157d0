#!/usr/bin/env python3
"""cli_test.py NEURONS: the command line's contract, held by the real program.

Exit codes (0 done, 1 the job failed, 2 wrong usage or bad input), exactly one JSON object on stdout with --json, one clear sentence on
stderr, and run folders that are never half-written or lost. What interrupts a run: interrupt_test.py.
"""

import json
import struct
import subprocess
import time
import zipfile

from cli_case import CliCase, grey_png, main, npy, ROOT, SMALL_SPEC


YEAR_SPEC = """
[data]
source = "year.csv"
test = 0.3
series = { time = "month", length = 12, horizon = 2, season = 12 }
[network]
layers = ["flatten", { kind = "dense", units = "outputs" }]
[training]
optimizer = { kind = "adam", learning_rate = 0.02 }
epochs = 40
"""

SONG_SPEC = """
[data]
source = "song.txt"
test = 0.1
text = { length = 9 }
[network]
layers = [
  { kind = "embedding", vocabulary = "outputs", width = 8 },
  { kind = "temporal_conv", filters = 16, kernel = 3, activation = "relu" },
  { kind = "dense", units = "outputs" },
]
[training]
optimizer = { kind = "adam", learning_rate = 0.02 }
epochs = 20
batch_size = 8
"""


class Usage(CliCase):
    def test_help_shows_every_command_with_an_example(self):
        text = self.call("--help").stdout
        commands = ["train", "evaluate", "predict", "generate", "summary", "gradcheck", "data", "check", "parity", "conformance", "bench"]
        for command in commands:
            self.assertIn(f"\n  {command} ", text)
            help_text = self.call(command, "--help").stdout
            self.assertIn("Examples:\n  neurons " + command, help_text)
        for command in ("list", "info"):
            self.assertIn("neurons data " + command, self.call("data", command, "--help").stdout)

    def test_version(self):
        self.assertRegex(self.call("--version").stdout, r"^neurons \d+\.\d+\.\d+\n$")

    def test_wrong_usage_is_two_and_one_sentence(self):
        self.assertEqual(self.sentence(code=2), "neurons: which command? see neurons --help")
        self.assertIn('unknown command "trian"; did you mean "train"?', self.sentence("trian", "x", code=2))
        self.assertIn('did you mean "--epochs"?', self.sentence("train", self.spec, "--epoch", "3", code=2))
        self.assertIn("SPEC is required", self.sentence("train", code=2))
        self.assertIn("--epochs", self.sentence("train", self.spec, "--epochs", "many", code=2))
        self.assertIn("--threads", self.sentence("evaluate", "run", "--threads", "-1", code=2))
        self.assertIn('unknown command "lst"; did you mean "list"?', self.sentence("data", "lst", code=2))
        self.assertIn("which command? see neurons data --help", self.sentence("data", code=2))
        self.assertIn("--batch requires --plan", self.sentence("summary", self.spec, "--batch", "8", code=2))
        self.assertIn("--data: must not be empty", self.sentence("train", self.spec, "--data", "", code=2))
        self.assertIn("--quiet goes behind a command", self.sentence("--quiet", code=2))

    def test_numbers_that_an_option_cannot_take(self):
        large = 2**64
        for command, option, values, expected in [
            ("train", "--epochs", (0, -1, "1e3", 2.5, large), "a whole number from 1 to 9223372036854775807"),
            ("train", "--seed", (-1, 2**63, large), f"a whole number from 0 to {2**63 - 1}"),
            ("train", "--threads", (-1, "two", 4097, large), "a whole number from 0 to 4096"),
            ("gradcheck", "--rows", (0, -1, large), "a whole number from 1"),
            ("gradcheck", "--elements", (-1, large), "a whole number from 0"),
            ("gradcheck", "--tolerance", (0, -1, "nan", "inf", "1e999", "x"), "a number above 0"),
            ("summary", "--batch", (0, -1, large), "a whole number from 1"),
        ]:
            for value in values:
                said = self.sentence(command, self.spec, f"{option}={value}", code=2)
                self.assertIn(f'{option}: expected {expected}', said)
                self.assertIn(f'found "{value}"', said)
        self.assertEqual(list(self.folder.iterdir()), [self.spec])

    def test_errors_are_one_json_object_too(self):
        for arguments, part in [(("evaluate", "nowhere"), "nowhere"), (("evaluate",), "MODEL is required"), (("nothing",), "nothing")]:
            answer = self.answer(*arguments, code=2)
            self.assertEqual(list(answer), ["error"])
            self.assertIn(part, answer["error"])

    def test_streams_that_cannot_be_written_to(self):
        run = self.folder / "run"
        for streams, code in [
            ("2>/dev/full >out", 0),
            ("2>&- >out", 0),
            ("2>&- <&- >out", 0),
            (">/dev/full", 1),
            (">&-", 1),
            (">&- 2>&- <&-", 1),
        ]:
            done = subprocess.run(f"'{self.program}' train '{self.spec}' --out '{run}' --json {streams}", shell=True, cwd=self.folder, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, code, streams)
            self.assertEqual(self.answer("evaluate", run)["samples"], 30, "the run is whole")
            if code == 0:
                json.loads((self.folder / "out").read_text())
        self.assertEqual(subprocess.run(f"'{self.program}' --help >/dev/full 2>&1", shell=True, timeout=60).returncode, 1)


class Train(CliCase):
    def test_answer_and_run_folder(self):
        run = self.folder / "run"
        done = self.call("train", self.spec, "--out", run, "--json")
        answer = json.loads(done.stdout)
        self.assertEqual(answer["run"], str(run))
        self.assertEqual(answer["epochs"], 12)
        self.assertEqual(answer["stopped"], "completed")
        self.assertRegex(answer["weights_sha256"], "^[0-9a-f]{64}$")
        self.assertGreater(answer["seconds"], 0)
        for key in ("loss", "accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy"):
            self.assertIsInstance(answer["metrics"][key], float, key)
        self.assertGreater(answer["metrics"]["test_accuracy"], 0.8)
        self.assertIn("12/12", done.stderr)
        self.assertNotIn("\x1b", done.stderr)
        self.assertTrue({"spec.toml", "metrics.jsonl", "model.safetensors"} <= {path.name for path in run.iterdir()})
        self.assertEqual(len((run / "metrics.jsonl").read_text().splitlines()), 12)

    def test_default_out_is_runs_and_the_specs_name(self):
        self.call("train", self.spec, "--epochs", "1")
        self.assertTrue((self.folder / "runs/small/model.safetensors").exists())

    def test_quiet_says_nothing(self):
        done = self.call("train", self.spec, "--epochs", "1", "--quiet")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_same_seed_same_weights_for_any_threads(self):
        first = self.train("a")["weights_sha256"]
        self.assertEqual(self.train("b", None, "--threads", "1")["weights_sha256"], first)
        self.assertEqual(self.train("c", None, "--threads", "2")["weights_sha256"], first)
        self.assertNotEqual(self.train("d", None, "--seed", "4")["weights_sha256"], first)

    def test_resolved_spec_gives_the_same_run(self):
        first = self.train("a")["weights_sha256"]
        self.assertEqual(self.train("b", self.folder / "a/spec.toml")["weights_sha256"], first)

    def test_an_earlier_run_is_kept(self):
        first = self.train("run")
        done = self.call("train", self.spec, "--out", self.folder / "run", "--seed", "9")
        self.assertIn("the earlier run is kept in", done.stderr)
        self.assertIn("seed = 3", (self.folder / "run.1/spec.toml").read_text())
        self.assertIn("seed = 9", (self.folder / "run/spec.toml").read_text())
        self.assertEqual(first["run"], str(self.folder / "run"))
        self.train("run")
        self.assertTrue((self.folder / "run.2/model.safetensors").exists())

    def test_a_folder_of_other_things_is_refused(self):
        self.write("thesis/chapter1.txt", "mine")
        self.assertIn("holds other things than a run", self.sentence("train", self.spec, "--out", self.folder / "thesis", "--quiet", code=2))
        self.assertEqual([path.name for path in (self.folder / "thesis").iterdir()], ["chapter1.txt"])

    def test_what_does_not_fit_leaves_no_trace(self):
        self.train("run")
        bad = self.write("bad.toml", SMALL_SPEC.replace("batch_size = 16", "batch_size = 1000"))
        self.assertIn("batch_size = 1000", self.sentence("train", bad, "--out", self.folder / "run", "--quiet", code=2))
        self.assertFalse((self.folder / "run.1").exists())
        self.assertIn("batch_size = 16", (self.folder / "run/spec.toml").read_text())
        self.assertIn("batch_size = 1000", self.sentence("train", bad, "--out", self.folder / "new", "--quiet", code=2))
        self.assertFalse((self.folder / "new").exists())

    def test_a_network_too_large_for_memory(self):
        vast = self.write("vast.toml", SMALL_SPEC.replace("units = 8", "units = 9999999999999"))
        self.sentence("train", vast, "--out", self.folder / "run", "--quiet", code=1)
        self.assertFalse((self.folder / "run").exists())

    def test_data_replaces_the_source_and_its_test_share(self):
        rows = (ROOT / "data/iris/iris.csv").read_text().splitlines()
        table = self.write("mine.csv", "\n".join(rows[:1] + rows[1::2]) + "\n")
        done = self.call("train", self.spec, "--data", table, "--out", self.folder / "run")
        self.assertIn("60 training + 15 validation samples", done.stderr)
        self.assertIn("keeps no test part", self.sentence("evaluate", self.folder / "run", code=2))
        self.assertEqual(self.answer("evaluate", self.folder / "run", "--data", ROOT / "data/iris")["samples"], 150)

    def test_bundled_data_by_name(self):
        self.train("run", None, "--data", "wine")
        answer = self.answer("evaluate", self.folder / "run", "--data", "wine")
        self.assertEqual(answer["samples"], 178)
        self.assertEqual(answer, self.answer("evaluate", self.folder / "run", "--data", ROOT / "data/wine/wine.csv"))
        self.assertEqual(len(self.answer("predict", self.folder / "run", "wine")["predictions"]), 178)
        self.assertIn("mnist: is no table", self.sentence("predict", self.folder / "run", "mnist", code=2))
        for command in (("train", self.spec), ("evaluate", self.folder / "run")):
            self.assertIn('did you mean "wine"?', self.sentence(*command, "--data", "wne", code=2))

    def test_divergence_is_the_jobs_failure(self):
        wild = self.write("wild.toml", SMALL_SPEC.replace("tanh", "relu").replace('{ kind = "adam", learning_rate = 0.02 }', '{ kind = "sgd", learning_rate = 1e30 }'))
        self.assertIn("step", self.sentence("train", wild, "--out", self.folder / "run", "--quiet", code=1))


class Evaluate(CliCase):
    def test_classification(self):
        trained = self.train()
        answer = self.answer("evaluate", self.folder / "run")
        self.assertEqual(answer["accuracy"], trained["metrics"]["test_accuracy"])
        self.assertEqual(answer["samples"], 30)
        self.assertEqual(len(answer["confusion"]), 3)
        self.assertEqual(sum(map(sum, answer["confusion"])), 30)
        self.assertEqual(self.answer("evaluate", self.folder / "run/model.safetensors"), answer)
        text = self.call("evaluate", self.folder / "run").stdout
        self.assertIn("accuracy", text)
        self.assertIn("versicolor", text)

    def test_the_file_alone_is_enough(self):
        self.train()
        moved = self.folder / "elsewhere.safetensors"
        (self.folder / "run/model.safetensors").rename(moved)
        self.assertEqual(self.answer("evaluate", moved, "--data", ROOT / "data/iris/iris.csv")["samples"], 150)
        self.assertIn("has not ended", self.sentence("evaluate", self.folder / "run", code=2))

    def test_regression_is_in_the_targets_own_units(self):
        rows = "".join(f"{x},{1000 + 3 * x}\n" for x in range(100))
        self.write("line.csv", "x,y\n" + rows)
        spec = self.write(
            "line.toml",
            '[data]\nsource = "line.csv"\ntest = 0.2\n[network]\nlayers = [{ kind = "dense", units = "outputs" }]\n'
            '[training]\noptimizer = { kind = "adam", learning_rate = 0.05 }\nepochs = 100\nbatch_size = 16\n',
        )
        self.train("run", spec)
        answer = self.answer("evaluate", self.folder / "run")
        self.assertLess(answer["rmse"], 1)
        self.assertGreater(answer["r2"], 0.999)
        self.assertEqual(list(answer)[:5], ["rmse", "mae", "r2", "loss", "samples"])
        value = self.answer("predict", self.folder / "run", "x=50")["predictions"][0]["value"]
        self.assertAlmostEqual(value, 1150, delta=2)

    def test_data_of_another_kind(self):
        self.train()
        self.assertIn("trained on a table", self.sentence("evaluate", self.folder / "run", "--data", ROOT / "data/mnist", code=2))
        self.assertIn('no target column "species"', self.sentence("evaluate", self.folder / "run", "--data", ROOT / "data/wine", code=2))


class FineTuning(CliCase):
    TWO_OUTPUTS = SMALL_SPEC.replace('units = "outputs" }]', 'units = "outputs" }, { kind = "dense", name = "size", units = 2, from = "dense1" }]\noutputs = ["dense2", "size"]')

    def test_a_fresh_head_on_frozen_layers(self):
        self.train("two", self.write("two.toml", self.TWO_OUTPUTS))
        two = self.folder / "two" / "model.onnx"
        tuned = ("--data", "iris", "--epochs", "2", "--batch-size", "50", "--quiet")
        answer = self.answer("train", two, "--head", "3", "--output", "size", "--freeze", "dense1*", "--out", "again", *tuned)
        self.assertEqual(answer["epochs"], 2)
        again = self.folder / "again" / "model.onnx"
        self.assertEqual(self.answer("evaluate", again, "--data", "iris")["samples"], 150)
        raw = self.call("train", two, "--output", "dense2", "--data", "iris", "--epochs", "1", "--scaling", "none", "--out", "raw")
        self.assertIn("columns as they are, as asked", raw.stderr)
        kept = self.call("train", two, "--output", "dense2", "--data", "iris", "--epochs", "1", "--out", "kept")
        self.assertIn("columns less their mean, divided by their deviation, as the model was trained", kept.stderr)
        # What was not trained is as it was, and comes along into every form.
        weights = []
        for run in ("two", "again"):
            with zipfile.ZipFile(self.answer("export", self.folder / run / "model.onnx", "--to", "npz", "--name", "weights")["files"][0]) as file:
                weights.append({name: file.read(name) for name in file.namelist()})
        changed = [name for name in weights[0] if weights[0][name] != weights[1][name]]
        self.assertEqual(changed, ["size.bias.npy", "size.weight.npy"])
        self.assertEqual([row["name"] for row in self.answer("summary", again)["layers"]][-1], "size")
        self.answer("export", again, "--to", "c", "--name", "two")
        self.assertIn("float *output, float *output_dense2", (self.folder / "again" / "two.h").read_text())

    def test_messages_begin_with_the_file(self):
        self.train()
        model = self.folder / "run" / "model.onnx"
        for arguments, part in [
            (("train", model, "--head", "3", "--data", "wine", "--quiet"), ": dense1 (Gemm): "),
            (("train", model, "--output", "z", "--data", "iris", "--quiet"), ': the model has no output "z"'),
            (("predict", model, "a=1", "--output", "z"), ': the model has no output "z"; known are y'),
        ]:
            self.assertIn(f"neurons: {model}{part}", self.sentence(*arguments, code=2))
        for command in ("predict", "evaluate", "summary"):
            self.assertIn(".onnx file", self.call(command, "--help").stdout)
        self.assertIn("are for a MODEL.onnx", self.sentence("train", self.spec, "--head", "3", code=2))


class Predict(CliCase):
    def test_rows_pairs_and_errors(self):
        self.train()
        run = self.folder / "run"
        rows = (ROOT / "data/iris/iris.csv").read_text().splitlines()
        table = self.write("some.csv", "\n".join([rows[0], rows[1], rows[60], rows[150]]) + "\n")
        answer = self.answer("predict", run, table)["predictions"]
        self.assertEqual([one["class"] for one in answer], ["setosa", "versicolor", "virginica"])
        self.assertTrue(answer[0]["input"].endswith("some.csv:2"))
        for one in answer:
            self.assertAlmostEqual(sum(one["probabilities"]), 1, places=5)
            self.assertEqual(one["confidence"], max(one["probabilities"]))
        names = rows[0].split(",")[:4]
        pairs = [f"{name}={value}" for name, value in zip(names, rows[1].split(","))]
        one = self.answer("predict", run, *pairs)["predictions"]
        self.assertEqual(len(one), 1)
        self.assertAlmostEqual(one[0]["confidence"], answer[0]["confidence"], places=5)
        self.assertIn("setosa", self.call("predict", run, *pairs).stdout)
        self.assertIn("petal_length", self.sentence("predict", run, "petal_lenght=3", code=2))
        self.assertIn("long", self.sentence("predict", run, "petal_length=long", code=2))
        self.assertIn("given twice", self.sentence("predict", run, "petal_length=3", "petal_length=4", code=2))
        self.assertIn("neither a file nor", self.sentence("predict", run, "nothing.csv", code=2))

    def test_arrays_hold_finite_numbers(self):
        with zipfile.ZipFile(self.folder / "rows.npz", "w") as file:
            file.writestr("x.npy", npy("<f4", (8, 4), struct.pack("<32f", *range(32))))
            file.writestr("y.npy", npy("<i8", (8,), struct.pack("<8q", 0, 0, 0, 0, 1, 1, 1, 1)))
        text = SMALL_SPEC.replace('"iris"', '"rows.npz"').replace("= 0.2", "= 0").replace("batch_size = 16", "batch_size = 4")
        self.train("run", self.write("rows.toml", text))
        good = self.write("good.npy", npy("<f4", (2, 4), struct.pack("<8f", *range(8))))
        self.assertEqual(len(self.answer("predict", self.folder / "run", good)["predictions"]), 2)
        bad = self.write("bad.npy", npy("<f4", (2, 4), struct.pack("<8f", 0, 1, 2, 3, 4, 5, float("nan"), 7)))
        self.assertIn("bad.npy[1]: value 2 (from 0) is nan", self.sentence("predict", self.folder / "run", bad, code=2))
        self.train("table")
        self.assertIn("the model was trained on a table", self.sentence("predict", self.folder / "table", good, code=2))

    def test_columns_left_out_are_said(self):
        self.train()
        done = self.call("predict", self.folder / "run", "petal_length=1.4", "petal_width=0.2", "--json")
        self.assertEqual(done.stderr, "neurons: note: nothing is given for sepal_length, sepal_width; the usual value of each is taken\n")
        self.assertEqual(json.loads(done.stdout)["predictions"][0]["class"], "setosa")

    def test_pictures_by_class(self):
        for name, value in (("black", 10), ("white", 240)):
            for i in range(8):
                self.write(f"pictures/{name}/{i}.png", grey_png(4, 4, value + i))
        spec = self.write(
            "pictures.toml",
            '[data]\nsource = "pictures"\n[network]\nlayers = ["flatten", { kind = "dense", units = "outputs" }]\n'
            '[training]\noptimizer = { kind = "adam", learning_rate = 0.1 }\nepochs = 30\nbatch_size = 4\n',
        )
        self.train("run", spec)
        self.write("dark.png", grey_png(4, 4, 20))
        self.write("light.png", grey_png(4, 4, 230))
        self.write("wide.png", grey_png(5, 4, 230))
        answer = self.answer("predict", self.folder / "run", "dark.png", "light.png")["predictions"]
        self.assertEqual([one["class"] for one in answer], ["black", "white"])
        done = self.call("predict", self.folder / "run", "wide.png", "--json")
        self.assertEqual(done.stderr, "neurons: note: wide.png: resized from 5×4 to 4×4 pixels (stretched)\n")
        self.assertEqual(json.loads(done.stdout)["predictions"][0]["class"], "white")
        # A folder with one of the classes is judged by names, not by order.
        self.write("others/white/a.png", grey_png(4, 4, 235))
        self.write("others/black/a.png", grey_png(4, 4, 15))
        self.assertEqual(self.answer("evaluate", self.folder / "run", "--data", self.folder / "others")["accuracy"], 1)
        self.assertFalse((self.folder / "run" / "mistakes.png").exists())
        self.write("wrong/black/a.png", grey_png(4, 4, 235))
        answer = self.answer("evaluate", self.folder / "run", "--data", self.folder / "wrong")
        self.assertEqual((answer["accuracy"], answer["mistakes"]), (0, str(self.folder / "run" / "mistakes.png")))
        self.assertEqual([one["name"] for one in answer["classes"]], ["black", "white"])
        self.assertTrue((self.folder / "run" / "mistakes.png").read_bytes().startswith(b"\x89PNG"))
        sheet = self.folder / "sheet.png"
        self.call("evaluate", self.folder / "run", "--data", self.folder / "wrong", "--mistakes", sheet)
        self.assertTrue(sheet.exists())
        (self.folder / "run" / "mistakes.png").unlink()
        (self.folder / "run" / "mistakes.png").mkdir()  # stands for a folder that cannot be written to
        done = self.call("evaluate", self.folder / "run", "--data", self.folder / "wrong", "--json")
        self.assertRegex(done.stderr, r"^neurons: note: .*/mistakes.png: .*\n$")
        self.assertEqual(json.loads(done.stdout)["accuracy"], 0)
        self.assertIn("/proc/sheet.png", self.call("evaluate", self.folder / "run", "--data", self.folder / "wrong", "--mistakes", "/proc/sheet.png", code=1).stderr)
        self.write("strange/green/a.png", grey_png(4, 4, 235))
        self.assertIn('knows no class "green"', self.sentence("evaluate", self.folder / "run", "--data", self.folder / "strange", code=2))


class Look(CliCase):
    def test_summary(self):
        answer = self.answer("summary", self.spec)
        self.assertEqual([layer["name"] for layer in answer["layers"]], ["dense1", "dense2"])
        self.assertEqual(answer["layers"][0]["output"], [8])
        self.assertEqual(answer["parameters"], 4 * 8 + 8 + 8 * 3 + 3)
        self.assertIn("dense1", self.call("summary", self.spec).stdout)
        self.train()
        self.assertEqual(self.answer("summary", self.folder / "run")["layers"], answer["layers"])

    def test_plan(self):
        plan = self.answer("summary", self.spec, "--plan")["plan"]
        self.assertEqual((plan["of"], plan["batch"]), ("training step", 16))
        for step in plan["steps"]:
            self.assertTrue(step["kernel"])
            self.assertGreaterEqual(step["bytes"], 0)
        self.assertIn("dense1.weight f32[8, 4] as f32[1, 4, 16] (PackPanels)", [state for step in plan["steps"] for state in step["states"]])
        self.train()
        plan = self.answer("summary", self.folder / "run", "--plan")["plan"]
        self.assertEqual((plan["of"], plan["batch"]), ("forward pass", 1))

    def test_a_plan_may_be_larger_than_the_machine(self):
        plan = self.answer("summary", self.spec, "--plan", "--batch", str(10**11))["plan"]
        self.assertGreater(plan["arena_bytes"], 10**12)

    def test_summary_needs_no_data(self):
        spec = self.write("alone.toml", '[network]\ninputs = [{ shape = [5] }]\nlayers = [{ kind = "dense", units = 2 }]\n')
        self.assertEqual(self.answer("summary", spec)["parameters"], 12)
        open_spec = self.write("open.toml", '[network]\nlayers = [{ kind = "dense", units = 2 }]\n')
        self.assertIn("comes from the data", self.sentence("summary", open_spec, code=2))

    def test_check_and_parity_of_a_model(self):
        model = ROOT / "tests" / "fixtures" / "torch_digits.onnx"
        answer = self.answer("check", model, "--batch", "4")
        self.assertEqual((answer["runs"], answer["trains"], answer["exports"]), (True, True, True))
        self.assertEqual(answer["operators"][0]["op"], "Conv")
        self.assertEqual(set(answer["operators"][0]), {"name", "op", "runs", "trains", "exports", "reason"})
        self.assertEqual(answer["outputs"], [{"name": "probabilities", "type": "f32[4, 5]"}])
        self.assertRegex(self.call("check", model).stdout, r"\nConv +3  yes   yes     yes\n")
        self.assertIn("expected NAME=EXTENTS", self.sentence("check", model, "--shape", "image", code=2))
        self.assertIn("is no ONNX model", self.sentence("check", self.write("m.onnx", b""), code=2))
        self.call("parity", model, "--all-outputs", "all.onnx")
        self.assertEqual(len(self.answer("check", "all.onnx")["outputs"]), 12)
        image = npy("<f4", (1, 1, 28, 28), struct.pack("<784f", *[0.5] * 784))
        wrong = npy("<f4", (1, 5), struct.pack("<5f", *[2.0] * 5))
        with zipfile.ZipFile(self.folder / "recorded.npz", "w") as archive:
            archive.writestr("image.npy", image)
            archive.writestr("probabilities.npy", wrong)
        recorded = self.folder / "recorded.npz"
        answer = self.answer("parity", model, "--recorded", recorded, code=1)
        self.assertEqual((answer["agrees"], answer["first_difference"]["differing"]), (False, 5))
        self.assertIn("5 of 5 elements differ", self.call("parity", model, "--recorded", recorded, code=1).stdout)
        self.assertIn("--recorded", self.sentence("parity", model, code=2))

    def test_gradcheck(self):
        answer = self.answer("gradcheck", self.spec, "--elements", "0")
        self.assertTrue(answer["passed"])
        self.assertLess(answer["worst_error"], 1e-6)
        self.assertEqual([one["parameter"] for one in answer["parameters"]], ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"])
        self.assertEqual([one["checked"] for one in answer["parameters"]], [32, 8, 24, 3])
        self.assertIn("gradients are right", self.call("gradcheck", self.spec).stdout)
        self.assertIn("is above", self.call("gradcheck", self.spec, "--tolerance", "1e-15", code=1).stderr)
        joint = self.write(
            "joint.toml",
            '[network]\ninputs = [{ name = "a", shape = [3] }, { name = "b", shape = [3] }]\nlayers = [{ kind = "dense", units = 4 }, '
            '{ share = "dense1", from = "b" }, { kind = "add", from = ["dense1", "dense1_2"] }, { kind = "dense", units = 2 }]\n',
        )
        self.assertTrue(self.answer("gradcheck", joint)["passed"])

    def test_a_series_is_forecast(self):
        rows = "".join(f"{2000 + i // 12}-{i % 12 + 1:02},{10 + i % 12}\n" for i in range(120))
        self.write("year.csv", "month,count\n" + rows)
        spec = self.write("year.toml", YEAR_SPEC)
        metrics = self.answer("train", spec, "--out", self.folder / "run", "--quiet")["metrics"]
        self.assertLess(metrics["test_rmse"], metrics["test_naive_rmse"])
        self.assertLess(metrics["test_seasonal_naive_rmse"], 1e-3)
        text = self.call("evaluate", self.folder / "run").stdout
        self.assertIn("of the naive forecast: the model's is", text)
        self.assertIn("of the seasonal naive forecast", text)
        answer = self.answer("predict", self.folder / "run", "--steps", "30", "--level", "0.8")
        self.assertEqual([answer["forecast"][i]["time"] for i in (0, 29)], ["2010-01", "2012-06"])
        step = answer["forecast"][5]["columns"]["count"]
        self.assertAlmostEqual(step["value"], 15, delta=3)
        self.assertLess(step["low"], step["high"])
        self.assertIn("80% interval", self.call("predict", self.folder / "run", "year.csv", "--level", "0.8").stdout)
        self.assertIn("one series, but 2 inputs", self.sentence("predict", self.folder / "run", "year.csv", "year.csv", code=2))
        self.assertIn("was not trained on a text", self.sentence("generate", self.folder / "run", code=2))
        self.call("train", self.spec, "--out", self.folder / "iris", "--quiet")
        self.assertIn("INPUT is missing", self.sentence("predict", self.folder / "iris", code=2))
        self.assertIn("--steps and --level are for models of series", self.sentence("predict", self.folder / "iris", "iris", "--steps", "2", code=2))

    def test_a_constant_series_has_errors_that_are_numbers(self):
        self.write("flat.csv", "month,count,other\n" + "".join(f"{2000 + i // 12}-{i % 12 + 1:02},5,7\n" for i in range(120)))
        text = YEAR_SPEC.replace("year.csv", "flat.csv").replace("epochs = 40", "epochs = 1")
        spec = self.write("flat.toml", text.replace("length", 'values = ["count", "other"], length'))
        self.call("train", spec, "--out", self.folder / "run", "--quiet")
        said = self.call("evaluate", self.folder / "run").stdout
        self.assertNotIn("nan", said)
        self.assertIn("r² undefined (the targets are all the same)", said)
        self.assertIn("rmse 0 of the naive forecast: the model's is", said)
        self.assertIn("other: rmse", said)
        self.assertEqual(self.answer("evaluate", self.folder / "run")["columns"]["other"]["naive_rmse"], 0)

    def test_a_text_is_written(self):
        self.write("song.txt", "abc def.\n" * 100)
        spec = self.write("song.toml", SONG_SPEC)
        self.assertIn("nats per character", self.call("train", spec, "--out", self.folder / "run").stdout)
        self.assertLess(self.answer("evaluate", self.folder / "run")["nats_per_character"], 1)
        one = self.answer("generate", self.folder / "run", "--prompt", "abc", "--length", "30", "--seed", "4")
        self.assertEqual(len(one["text"]), 30)
        written = ("generate", self.folder / "run", "--prompt", "abc", "--length", "30", "--seed", "4")
        self.assertEqual(self.call(*written).stdout, "abc" + one["text"] + "\n")
        bold = self.answer("generate", self.folder / "run", "--prompt", "abc", "--length", "6", "--top-k", "1", "--top-p", "0.5")
        self.assertEqual(bold["text"], " def.\n")
        self.assertIn("neurons generate writes with it", self.sentence("predict", self.folder / "run", "song.txt", code=2))
        self.assertIn("none of the 9", self.sentence("generate", self.folder / "run", "--prompt", "abX", code=2))

    def test_data(self):
        names = [one["name"] for one in self.answer("data", "list")["data"]]
        self.assertEqual(sorted(names), ["breast_cancer", "diabetes", "digits", "iris", "mnist", "moby-dick", "sunspots", "wine"])
        info = self.answer("data", "info", "iris")
        self.assertEqual(info["samples"], 150)
        self.assertEqual([one["samples"] for one in info["classes"]], [50, 50, 50])
        self.assertEqual(info["target"], "species")
        self.assertIn("petal_length", self.call("data", "info", ROOT / "data/iris/iris.csv").stdout)
        self.assertIn('did you mean "iris"?', self.sentence("data", "info", "irs", code=2))
        table = self.write("lines.csv", '"a\nb",y\n1,"u\tv"\n3,w\n2,w\n')
        text = self.call("data", "info", table).stdout
        self.assertIn("\na\\x0ab  ", text)
        self.assertIn("\nu\\x09v  ", text)
        self.assertEqual([one["name"] for one in self.answer("data", "info", table)["columns"]], ["a\nb", "y"])
        table = self.write("gaps.csv", "a;nothing;b;y\n1,5;;u;1\n2,5;NA;v;\n3,5;;u;2\n")
        text = self.call("data", "info", table, "--decimal", ",").stdout
        self.assertRegex(text, r"\nnothing +empty +3 *\n")
        self.assertIn("target y; encoded inputs have shape [2]", text)
        self.assertIn("target nothing; it is empty", self.call("data", "info", table, "--decimal", ",", "--target", "nothing").stdout)
        info = self.answer("data", "info", table, "--decimal", ",")
        self.assertEqual([(one["name"], one["type"], one["missing"]) for one in info["columns"]],
                         [("a", "number", 0), ("nothing", "empty", 3), ("b", "text", 0), ("y", "number", 1)])
        self.assertEqual([one["samples"] for one in info["classes"]], [1, 1])
        self.assertIn("no other column holds anything", self.call("data", "info", self.write("alone.csv", "a,y\n,1\n,2\n")).stdout)
        self.assertIn("--decimal ,", self.sentence("data", "info", table, code=2))
        names = "".join(f"n{i // 2},{i},{i % 2}\n" for i in range(2002))
        table = self.write("names.csv", "name,a,y\n" + names)
        text = self.call("data", "info", table).stdout
        self.assertIn("target y; encoded inputs have shape [1]\nwithout name: training takes at most 1,000 different texts", text)
        self.assertRegex(text, r"\nname +text +0 +1001 levels")
        info = self.answer("data", "info", table)
        self.assertEqual([(one.get("levels"), one.get("refused")) for one in info["columns"]], [(1001, True), (None, None), (None, None)])
        self.assertEqual([one["samples"] for one in info["classes"]], [1001, 1001])
        alone = self.write("names.csv", "name,y\n" + "".join(f"n{i // 2},{i % 2}\n" for i in range(2002)))
        self.assertIn("target y; no other column holds anything to learn from\nwithout name: ", self.call("data", "info", alone).stdout)
        self.assertIn("--decimal", self.sentence("data", "info", table, "--decimal", "x", code=2))
        self.assertIn("target sunspots; a series", self.call("data", "info", "sunspots").stdout)
        whale = self.answer("data", "info", "moby-dick")
        self.assertEqual((whale["samples"], whale["characters"]), (1190317, 83))
        self.assertIn("83 different ones in the whole text, of which a model knows those of its training part", self.call("data", "info", "moby-dick").stdout)
        self.assertIn('no target column "x"', self.sentence("data", "info", "mnist", "--target", "x", code=2))

    def test_bench(self):
        answer = self.answer("bench", "mlp-tiny", "--seconds", "0.05", "--threads", "1")
        self.assertEqual(answer["threads"], 1)
        self.assertGreater(answer["peak_gflops"], 0)
        self.assertTrue(answer["simd_target"])
        self.assertEqual([one["name"] for one in answer["results"]], ["mlp-tiny"])
        self.assertTrue({"samples_per_second", "microseconds_per_step", "gflops", "peak_share"} <= set(answer["results"][0]))
        self.assertIn('did you mean "mlp-tiny"?', self.sentence("bench", "mlp-tony", code=2))

if __name__ == "__main__":
    main()
