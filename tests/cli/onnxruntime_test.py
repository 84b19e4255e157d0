#!/usr/bin/env python3
"""onnxruntime_test.py NEURONS: `neurons parity` and `neurons bench` beside ONNX Runtime: what they ask of Node.js, here a stand-in for it, and what they make of the answers."""

import json
import os
import shutil
import struct
import sys
import unittest
import zipfile

from cli_case import ROOT, CliCase, main, npy

MODEL = ROOT / "tests" / "fixtures" / "torch_digits.onnx"

# Answers as onnxruntime_peer.cjs and record_activations.cjs do, and notes with what it was called.
NODE = """#!{python}
import json, os, pathlib, shutil, sys
arguments = sys.argv[sys.argv.index("--") + 1:]
with open("{folder}/calls", "a") as calls:
    calls.write(json.dumps({{"arguments": arguments, "packages": os.environ["NODE_PATH"], "script": sys.argv[2]}}) + "\\n")
say = lambda answer: print(json.dumps(answer), flush=True)
recorded = pathlib.Path("{folder}/recorded.npz")
if pathlib.Path("{folder}/refuse").exists():
    say({{"error": "this model is too new"}})
elif len(arguments) == 3:
    shutil.copy(recorded, arguments[1])
    say({{"version": "9.9"}})
else:
    say({{"ready": True, "version": "9.9"}})
    for line in sys.stdin:
        say({{"samples_per_second": 1, "microseconds_per_step": 1e6 * (3 - int(arguments[1]))}})
"""


# A stand-in for the package: a model whose input is float16, which it gives back with five times 1.
PACKAGE = """
class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
exports.Tensor = Tensor;
exports.env = { versions: { node: "9.9" } };
exports.InferenceSession = { create: async () => ({
  inputMetadata: [{ name: "image", type: "TYPE", shape: ["batch", 1, 28, 28] }],
  run: async ({ image }) => {
    if (!image.data.every((bits) => (bits & 0x7c00) < 0x4400)) throw new Error("numbers are not in (-4, 4)");
    return { probabilities: new Tensor("float16", Uint16Array.from([1, 2, 3, 4, 5], () => 0x3c00), [1, 5]) };
  },
}) };
"""


class OnnxRuntimeTest(CliCase):
    def setUp(self):
        super().setUp()
        self.write("modules/onnxruntime-node/package.json", "{}")
        self.write("bin/node", NODE.format(python=sys.executable, folder=self.folder)).chmod(0o755)
        self.environment = os.environ | {"PATH": f"{self.folder}/bin"}

    def run_beside(self, *arguments, code=0):
        return self.call(*arguments, "--onnxruntime", self.folder / "modules", code=code, environment=self.environment)

    def calls(self):
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    def test_parity_with_a_runtime_that_runs_now(self):
        with zipfile.ZipFile(self.folder / "recorded.npz", "w") as archive:
            archive.writestr("image.npy", npy("<f4", (1, 1, 28, 28), struct.pack("<784f", *[0.5] * 784)))
            archive.writestr("probabilities.npy", npy("<f4", (1, 5), struct.pack("<5f", *[2.0] * 5)))
        said = self.run_beside("parity", MODEL, "--batch", "7", code=1).stdout
        self.assertIn("ONNX Runtime 9.9\n", said)
        self.assertIn("5 of 5 elements differ", said)
        (call,) = self.calls()
        self.assertEqual(call["arguments"][2], "7")
        self.assertEqual(call["packages"], str(self.folder / "modules"))
        self.assertIn('require("onnxruntime-node")', call["script"])

    @unittest.skipUnless(shutil.which("node"), "needs Node.js")
    def test_half_precision_is_drawn_and_recorded(self):
        (self.folder / "bin/node").unlink()
        self.environment = os.environ
        self.write("modules/onnxruntime-node/index.js", PACKAGE.replace("TYPE", "float16"))
        said = self.run_beside("parity", MODEL, code=1).stdout
        self.assertIn("5 of 5 elements differ", said)
        self.assertIn(" here, 1 there", said)
        self.write("modules/onnxruntime-node/index.js", PACKAGE.replace("TYPE", "bfloat16"))
        self.assertIn('input "image" is of bfloat16, which is not drawn here: ', self.run_beside("parity", MODEL, code=1).stderr)

    def test_bench_in_turns(self):
        done = self.run_beside("bench", "onnx", MODEL, "--seconds", "0.001", "--threads", "2", "--json")
        (result,) = json.loads(done.stdout)["results"]
        self.assertEqual(result["onnxruntime"], {"version": "9.9", "threads": 2, "microseconds_per_step": 1e6})
        self.assertEqual(result["pairs"], 8)
        self.assertGreaterEqual(1e6 / result["microseconds_per_step"], result["lowest_ratio"] * 0.999)
        self.assertLessEqual(1e6 / result["microseconds_per_step"], result["highest_ratio"] * 1.001)
        threads = [call["arguments"][1] for call in self.calls()]
        self.assertEqual(threads, ["1", "2", "2"])
        self.assertEqual(json.loads(self.calls()[0]["arguments"][3]), [{"name": "image", "type": "float32", "shape": [1, 1, 28, 28]}])
        self.assertIn("times as long", self.run_beside("bench", MODEL, "--seconds", "0.001").stdout)

    def test_what_cannot_be_compared(self):
        self.assertIn("expected MODEL.onnx", self.run_beside("bench", "mlp-64", code=2).stderr)
        self.assertIn("name a MODEL.onnx", self.run_beside("bench", code=2).stderr)
        self.write("refuse", "")
        self.assertIn("ONNX Runtime in Node.js: this model is too new", self.run_beside("bench", MODEL, code=1).stderr)
        self.assertIn("this model is too new", self.run_beside("parity", MODEL, code=1).stderr)
        (self.folder / "bin/node").write_text("#!/bin/sh\n")
        self.assertIn("ended without an answer", self.run_beside("parity", MODEL, code=1).stderr)
        (self.folder / "bin/node").unlink()
        self.assertIn("Node.js must be installed", self.run_beside("parity", MODEL, code=2).stderr)
        (self.folder / "modules/onnxruntime-node/package.json").unlink()
        self.assertIn("holds no onnxruntime-node", self.run_beside("parity", MODEL, code=2).stderr)
        self.assertIn("--onnxruntime", self.sentence("parity", MODEL, "--batch", "2", code=2))


if __name__ == "__main__":
    main()
