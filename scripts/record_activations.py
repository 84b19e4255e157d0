#!/usr/bin/env python3
"""record_activations.py NEURONS MODEL.onnx OUT.npz: what ONNX Runtime computes, for `NEURONS parity MODEL.onnx --recorded OUT.npz`.

Every value of the model, its inputs among them, by its name. Inputs are drawn at random (--seed), open extents are --batch; or they are the arrays of
--inputs FILE.npz. Needs onnxruntime and NumPy.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import onnxruntime

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
         "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_}


def drawn(value, generator, batch):
    """An array for an input: floats of a standard normal distribution, whole numbers 0 and 1."""
    shape = [extent if isinstance(extent, int) else batch for extent in value.shape]
    dtype = TYPES[value.type]
    numbers = generator.standard_normal(shape) if np.issubdtype(dtype, np.floating) else generator.integers(0, 2, shape)
    return numbers.astype(dtype)


def kept(array):
    """In a type that Neurons reads."""
    narrow = {np.dtype(np.float16): np.float32, np.dtype(np.int8): np.int32, np.dtype(np.int16): np.int32, np.dtype(np.uint16): np.int32,
              np.dtype(np.uint32): np.int64, np.dtype(np.uint64): np.int64}
    return array.astype(narrow.get(array.dtype, array.dtype))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("neurons")
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--inputs", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        everything = str(pathlib.Path(folder) / "all.onnx")
        subprocess.run([arguments.neurons, "parity", arguments.model, "--all-outputs", everything], check=True, stdout=subprocess.DEVNULL)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(everything, options)
        generator = np.random.default_rng(arguments.seed)
        given = dict(np.load(arguments.inputs)) if arguments.inputs else {}
        inputs = {value.name: given[value.name] if value.name in given else drawn(value, generator, arguments.batch)
                  for value in session.get_inputs()}
        names = [value.name for value in session.get_outputs()]
        results = dict(zip(names, session.run(names, inputs)))
    arrays = {name: kept(array) for name, array in {**inputs, **results}.items() if isinstance(array, np.ndarray)}
    np.savez(arguments.out, **arrays)
    print(f"{arguments.out}: {len(arrays)} values")


if __name__ == "__main__":
    main()
