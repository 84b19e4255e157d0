#!/usr/bin/env python3
"""Compare `neurons bench` with ONNX Runtime on one picture at a time, pair by pair.

The models are written here, operator by operator, as an exporter writes them for inference: batch normalisations are part of the
convolutions before them. Weights are random (their values do not change the speed), of the sizes of the networks that `neurons bench`
builds. ONNX Runtime runs with all its graph optimisations, tried with 1 and 2 threads; the faster takes turns with neurons (pairs.py).

    npm install --ignore-scripts --prefix /tmp/ort onnxruntime-node
    python benchmarks/compare_onnxruntime.py --modules /tmp/ort/node_modules

`neurons bench MODEL.onnx --onnxruntime /tmp/ort/node_modules` compares any other model.

Needs node with that package, and Python's onnx. See benchmarks/README.md.
"""

import argparse
import json
import pathlib
import statistics
import tempfile

from pairs import Peer, bootstrap, measure_pairs, ratio_of, say

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Model:
    """An ONNX graph in the making: each method adds one operator and gives the name of its result."""

    def __init__(self):
        import numpy

        self.random = numpy.random.default_rng(1)
        self.nodes, self.weights = [], []

    def add(self, operator, *inputs, **attributes):
        from onnx import helper

        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def weight(self, *shape):
        """Normal numbers that keep the size of what they are multiplied with."""
        from onnx import numpy_helper

        scale = (2 / max(1, self.size(shape[1:]))) ** 0.5
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array((scale * self.random.standard_normal(shape)).astype("float32"), name))
        return name

    @staticmethod
    def size(shape):
        product = 1
        for extent in shape:
            product *= extent
        return product

    def conv(self, x, channels, filters, kernel, stride=1):
        pad = (kernel - 1) // 2
        weights = self.weight(filters, channels, kernel, kernel), self.weight(filters)
        return self.add("Conv", x, *weights, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def relu(self, x):
        return self.add("Relu", x)

    def max_pool(self, x, kernel, stride, pad=0):
        return self.add("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def dense(self, x, inputs, units):
        return self.add("Gemm", x, self.weight(units, inputs), self.weight(units), transB=1)

    def save(self, path, y, sample, classes):
        from onnx import TensorProto, checker, helper

        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        self.add("Identity", y)
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(self.nodes, "peer", [value("x", [1, *sample])], [value("y", [1, classes])], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        checker.check_model(model)
        path.write_bytes(model.SerializeToString())


def cnn(model):
    """Two convolutions with pools, two dense layers, for 28×28 pictures."""
    x = model.max_pool(model.relu(model.conv("x", 1, 32, 3)), 2, 2)
    x = model.max_pool(model.relu(model.conv(x, 32, 64, 3)), 2, 2)
    x = model.relu(model.dense(model.add("Flatten", x), 64 * 7 * 7, 128))
    return model.dense(x, 128, 10)


def resnet18(model):
    """He et al. 2016, table 1; batch normalisations folded."""
    x = model.max_pool(model.relu(model.conv("x", 3, 64, 7, 2)), 3, 2, 1)
    channels = 64
    for stage in range(4):
        for block in range(2):
            filters, stride = 64 << stage, 2 if stage and not block else 1
            body = model.conv(model.relu(model.conv(x, channels, filters, 3, stride)), filters, filters, 3)
            around = model.conv(x, channels, filters, 1, stride) if stride > 1 else x
            x = model.relu(model.add("Add", body, around))
            channels = filters
    return model.dense(model.add("Flatten", model.add("GlobalAveragePool", x)), channels, 1000)


WORKLOADS = {"infer-cnn-1": (cnn, (1, 28, 28), 10), "infer-resnet18-1": (resnet18, (3, 224, 224), 1000)}


def compare(name, options, folder):
    build, sample, classes = WORKLOADS[name]
    model = Model()
    path = folder / f"{name}.onnx"
    model.save(path, build(model), sample, classes)

    def start(threads, warm_up):
        inputs = json.dumps([{"name": "x", "type": "float32", "shape": [1, *sample]}])
        command = ["node", str(ROOT / "benchmarks/onnxruntime_peer.cjs"), str(path), str(threads), str(warm_up), inputs]
        return Peer(command, {"NODE_PATH": str(options.modules)})

    rates = {}
    for threads in (1, 2):
        peer = start(threads, 0.5)
        rates[threads] = max(peer.measure(options.seconds)["samples_per_second"] for _ in range(3))
        version = peer.about["version"]
        peer.close()
        say(f"{name}: ONNX Runtime {version}, {threads} threads: {1e6 / rates[threads]:.1f} µs")
    threads = max(rates, key=rates.get)
    peer = start(threads, 3.0)
    pairs, discarded = measure_pairs(peer, name, options)
    peer.close()
    ratios = [ratio_of(pair) for pair in pairs]
    middle = lambda side: statistics.median(pair[side]["microseconds_per_step"] for pair in pairs)
    return {
        "name": name,
        "onnxruntime": version,
        "onnxruntime_threads": threads,
        "onnxruntime_microseconds": middle(0),
        "neurons_microseconds": middle(1),
        "ratio": statistics.median(ratios),
        "ratio_interval": bootstrap(ratios),
        "pairs": len(pairs),
        "discarded": discarded,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="NAME", help=f"from {', '.join(WORKLOADS)}; all if none is named")
    parser.add_argument("--modules", type=pathlib.Path, required=True, help="the node_modules folder that holds onnxruntime-node")
    parser.add_argument("--pairs", type=int, default=12, help="pairs to keep per workload (12)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one measurement of ONNX Runtime (1)")
    parser.add_argument("--threads", type=int, help="of neurons (it chooses)")
    parser.add_argument("--neurons", type=pathlib.Path, default=ROOT / "build/release/neurons", help="the command (build/release/neurons)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of a table")
    options = parser.parse_args()
    names = options.workloads or list(WORKLOADS)
    for name in names:
        if name not in WORKLOADS:
            parser.error(f"unknown workload {name!r}; there are {', '.join(WORKLOADS)}")
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [compare(name, options, pathlib.Path(folder)) for name in names]
    if options.json:
        print(json.dumps({"workloads": outcomes}, indent=2))
        return
    print("| workload | ONNX Runtime | µs, each | ratio [95%] | pairs |\n|---|---|---|---|---|")
    for o in outcomes:
        low, high = o["ratio_interval"]
        print(
            f"| {o['name']} | {o['onnxruntime']}, {o['onnxruntime_threads']} threads | {o['onnxruntime_microseconds']:.1f} / {o['neurons_microseconds']:.1f} | "
            f"{o['ratio']:.2f} [{low:.2f}, {high:.2f}] | {o['pairs']}, {o['discarded']} discarded |"
        )


if __name__ == "__main__":
    main()
