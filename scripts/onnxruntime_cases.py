#!/usr/bin/env python3
"""onnxruntime_cases.py DIR: ONNX test cases (folders with model.onnx and test_data_set_*) in ONNX Runtime, with ONNX's checker.

For what `NEURONS_KEEP_CASES=DIR build/release/test_onnx_export` leaves: the models that Neurons writes, with the outputs that it
computes. Prints the largest relative difference of each; exit 1 if one is above --tolerance. Needs onnx, onnxruntime and NumPy.
"""

import argparse
import pathlib
import sys

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime


def read(path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return onnx.numpy_helper.to_array(tensor)


def worst_difference(folder):
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    worst = 0.0
    for data in sorted(folder.glob("test_data_set_*")):
        inputs = {value.name: read(data / f"input_{i}.pb") for i, value in enumerate(session.get_inputs())}
        for i, actual in enumerate(session.run(None, inputs)):
            expected = read(data / f"output_{i}.pb")
            if actual.shape != expected.shape:
                sys.exit(f"{folder.name}: output {i} is {actual.shape}, expected {expected.shape}")
            scale = max(1.0, float(np.abs(expected).max(initial=0)))
            worst = max(worst, float(np.abs(actual.astype(np.float64) - expected).max(initial=0)) / scale)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-5, help="relative to the largest value, at least 1 (1e-5)")
    arguments = parser.parse_args()
    failed = 0
    for model in sorted(arguments.folder.rglob("model.onnx")):
        worst = worst_difference(model.parent)
        failed += worst > arguments.tolerance
        print(f"{model.parent.name:<32} {worst:.1e}{'' if worst <= arguments.tolerance else '  above the tolerance'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
