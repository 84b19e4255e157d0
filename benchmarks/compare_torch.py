#!/usr/bin/env python3
"""Compare `neurons bench` with PyTorch at its best setting, pair by pair.

For each workload PyTorch's settings (threads, eager or compiled, optimiser form) are tried in short runs; the fastest one
then takes turns with `neurons bench NAME --json` (pairs.py).

    python benchmarks/compare_torch.py                          all workloads, twelve pairs each
    python benchmarks/compare_torch.py mlp-64 --quick           one workload, few short runs
    python benchmarks/compare_torch.py --torch-only --json      PyTorch's own figures, every setting

Needs torch and, for the compiled settings, a C++ compiler. See benchmarks/README.md.
"""

import argparse
import contextlib
import dataclasses
import difflib
import json
import os
import pathlib
import statistics
import sys
import time

import torch_convolutions as convolutions
from pairs import Peer, bootstrap, measure_pairs, ratio_of, say

ROOT = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Workload:
    sample: tuple
    classes: int
    batch: int
    training: bool
    layers: object  # from torch.nn to the list of layers
    momentum: float = 0.0  # above 0: SGD of rate 0.01 in place of Adam
    tokens: int = 0  # above 0: inputs are tokens below it, and each step has a label
    states: tuple = ()  # extents of what each call hands to the next: one step of a stream


def mlp(*sizes):
    """784-256-128-10 and the like, ReLU between the layers."""

    def layers(nn):
        result = []
        for fan_in, fan_out in zip(sizes, sizes[1:]):
            result += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        return result[:-1]

    return layers


def cnn(nn):
    """Two convolutions with pools, two dense layers, for 28×28 pictures."""
    return [
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    ]  # fmt: skip


def resnet(stem, stages, blocks, width, classes):
    """Residual networks of two 3×3 convolutions a block (He et al. 2016); each stage after the first halves the picture."""

    def layers(nn):
        class Block(nn.Module):
            def __init__(self, channels, filters, stride):
                super().__init__()
                self.body = nn.Sequential(
                    nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(),
                    nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters),
                )  # fmt: skip
                projects = stride > 1
                self.around = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)) if projects else nn.Identity()
                self.relu = nn.ReLU()

            def forward(self, x):
                return self.relu(self.body(x) + self.around(x))

        result = stem(nn, width)
        channels = width
        for stage in range(stages):
            for block in range(blocks):
                result.append(Block(channels, width << stage, 2 if stage and not block else 1))
                channels = width << stage
        return result + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]

    return layers


def recurrent(kind, features, hidden, layers=1):
    """A recurrent layer (or several), of whose last step a linear layer makes ten classes. Its second bias stays: PyTorch has no other."""

    def make(nn):
        class LastStep(nn.Module):
            def __init__(self):
                super().__init__()
                self.steps = getattr(nn, kind)(features, hidden, layers, batch_first=True)

            def forward(self, x):
                return self.steps(x)[0][:, -1]

        return [LastStep(), nn.Linear(hidden, 10)]

    return make


def stream(features, hidden):
    """One step of an LSTM and a linear layer; the state goes in and comes out."""

    def layers(nn):
        class Step(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell, self.dense = nn.LSTMCell(features, hidden), nn.Linear(hidden, 1)

            def forward(self, x, h, c):
                h, c = self.cell(x, (h, c))
                return self.dense(h), h, c

        return Step()

    return layers


def small_stem(nn, width):
    return [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]


def large_stem(nn, width):
    return [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]


def gpt(tokens, width, heads, blocks, time):
    """A causal transformer (pre-norm, GELU); one projection makes queries, keys and values, which suits PyTorch best."""

    def layers(nn):
        import torch

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
                self.projection, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

            def forward(self, x):
                q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in self.projection(self.attention_norm(x)).chunk(3, -1))
                y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                x = x + self.output(y.transpose(1, 2).flatten(2))
                return x + self.feed_forward(self.feed_forward_norm(x))

        class Positions(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.randn(time, width) * 0.02)

            def forward(self, x):
                return x + self.weight

        return [nn.Embedding(tokens, width), Positions(), *(Block() for _ in range(blocks)), nn.LayerNorm(width), nn.Linear(width, tokens), nn.Flatten(0, 1)]

    return layers


WORKLOADS = {
    "mlp-tiny": Workload((4,), 3, 32, True, mlp(4, 16, 3)),
    "mlp-64": Workload((784,), 10, 64, True, mlp(784, 256, 128, 10)),
    "mlp-512": Workload((784,), 10, 512, True, mlp(784, 256, 128, 10)),
    "cnn-64": Workload((1, 28, 28), 10, 64, True, cnn),
    "resnet20-64": Workload((3, 32, 32), 10, 64, True, resnet(small_stem, 3, 3, 16, 10), momentum=0.9),
    "char-gpt": Workload((128,), 96, 16, True, gpt(96, 128, 4, 4, 128), tokens=96),
    "lstm-64": Workload((28, 28), 10, 64, True, recurrent("LSTM", 28, 128)),
    "gru-64": Workload((28, 28), 10, 64, True, recurrent("GRU", 28, 128)),
    "lstm-512x4": Workload((64, 512), 10, 32, True, recurrent("LSTM", 512, 512, 4)),
    "infer-mlp-1": Workload((784,), 10, 1, False, mlp(784, 256, 128, 10)),
    "infer-cnn-1": Workload((1, 28, 28), 10, 1, False, cnn),
    "infer-lstm-1": Workload((28, 28), 10, 1, False, recurrent("LSTM", 28, 128)),
    "stream-lstm-1": Workload((1,), 1, 1, False, stream(1, 32), states=(32, 32)),
    "infer-resnet18-1": Workload((3, 224, 224), 1000, 1, False, resnet(large_stem, 4, 2, 64, 1000)),
}

# Training forms. "eager-…" names the form of torch.optim.Adam. "compiled-…" compiles the network and its loss and leaves the
# update to the fused Adam; "step-…" compiles forward, gradients and a functional Adam update as one function, "step10-…"
# ten such steps as one function, so that Python is entered once in ten steps.
TRAINING_MODES = [
    "eager-single",
    "eager-foreach",
    "eager-fused",
    "compiled-default",
    "compiled-max-autotune",
    "compiled-optimizer",
    "compiled-capturable",
    "step-default",
    "step-max-autotune",
    "step-cpp-wrapper",
]
UNROLLED = 10
# Networks for pictures are tried with their channels last in memory, too.
LAST = "-channels-last"
IMAGE_MODES = ["eager-fused", "compiled-default", "compiled-max-autotune", "step-default", "step-cpp-wrapper"]
TINY_MODES = ["step10-default", "step10-cpp-wrapper"]
INFERENCE_MODES = [
    "eager",
    "script-frozen",
    "compiled-default",
    "compiled-max-autotune",
    "compiled-cpp-wrapper",
    "ahead-of-time",
]
QUICK_TRAINING_MODES = ["eager-fused", "step-cpp-wrapper"]
QUICK_INFERENCE_MODES = ["eager", "script-frozen"]


def modes_of(name, quick):
    if case := convolutions.case_of(name):
        return convolutions.modes_of(case, quick)
    workload = WORKLOADS[name]
    if not workload.training:
        return QUICK_INFERENCE_MODES if quick else INFERENCE_MODES
    if workload.momentum:  # running statistics: no functional step
        return [mode + LAST for mode in IMAGE_MODES[: 1 if quick else 3]] + ([] if quick else IMAGE_MODES[:3])
    if quick:
        return QUICK_TRAINING_MODES
    if len(workload.sample) == 3:
        return [mode + last for mode in IMAGE_MODES for last in ("", LAST)]
    return TRAINING_MODES + (TINY_MODES if workload.sample[0] < 10 else [])


def known_modes(name):
    """All settings in which a workload can run; modes_of() has those that are worth a try."""
    if case := convolutions.case_of(name):
        return convolutions.modes_of(case, False)
    workload = WORKLOADS[name]
    modes = TRAINING_MODES + TINY_MODES if workload.training else INFERENCE_MODES
    if workload.momentum:
        modes = [mode for mode in modes if not mode.startswith("step")]
    return modes + [mode + LAST for mode in modes] if len(workload.sample) == 3 else modes


def refusal_of(name, modes):
    """Why a workload cannot run in one of these settings, or None."""
    known = known_modes(name)
    for mode in modes:
        if mode not in known:
            close = difflib.get_close_matches(mode, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            return f"{name} has no setting {mode!r}{hint} There are {', '.join(known)}"
    return None


# ---------------------------------------------------------------- the PyTorch side, in a process of its own


def set_up_inductor(mode):
    if mode.startswith("eager"):
        return  # PyTorch before 2.0, Debian's 1.13 for one, has no other
    import torch._inductor.config as inductor

    inductor.freezing = mode in ("compiled-default", "compiled-max-autotune", "compiled-cpp-wrapper", "ahead-of-time")
    inductor.cpp_wrapper = mode.endswith("cpp-wrapper")
    if mode.endswith("max-autotune"):
        inductor.max_autotune = True
        inductor.max_autotune_gemm_backends = "CPP,ATEN"


def make_functional_step(torch, network, inputs, labels, steps):
    """Forward, gradients and Adam (rate 1e-3) as one pure-tensor function over in-place state."""
    names = [name for name, _ in network.named_parameters()]
    weights = [weight.detach().clone() for weight in network.parameters()]
    first = [torch.zeros_like(weight) for weight in weights]
    second = [torch.zeros_like(weight) for weight in weights]
    count = torch.zeros(())
    beta1, beta2, rate, epsilon = 0.9, 0.999, 1e-3, 1e-8

    def loss_of(values):
        output = torch.func.functional_call(network, dict(zip(names, values)), (inputs,))
        return torch.nn.functional.cross_entropy(output, labels)

    def step():
        for _ in range(steps):
            gradients, loss = torch.func.grad_and_value(loss_of)(weights)
            count.add_(1)
            scale = torch.sqrt(1 - beta2**count)
            size = rate / (1 - beta1**count)
            for weight, mean, square, gradient in zip(weights, first, second, gradients):
                mean.lerp_(gradient, 1 - beta1)
                square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                weight.sub_(size * mean / (square.sqrt() / scale + epsilon))
        return loss

    compiled = torch.compile(step, fullgraph=True)

    def run():
        with torch.no_grad():
            return compiled()

    return run


def make_training_step(torch, mode, workload, network, inputs, labels):
    """A function that makes one call, and how many optimiser steps a call makes."""
    if mode.startswith("step"):
        steps = UNROLLED if mode.startswith("step10") else 1
        return make_functional_step(torch, network, inputs, labels, steps), steps
    kinds = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
    kinds |= {"optimizer": {"foreach": True}, "capturable": {"foreach": True, "capturable": True}}
    options = kinds.get(mode.split("-")[1], {"fused": True})
    if options.get("capturable"):
        torch._dynamo.config.suppress_errors = False
    if workload.momentum:
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=workload.momentum, **options)
    else:
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, **options)

    def loss_of():
        return torch.nn.functional.cross_entropy(network(inputs), labels)

    update = optimizer.step
    if mode.startswith("compiled"):
        loss_of = torch.compile(loss_of)
        if mode in ("compiled-optimizer", "compiled-capturable"):
            update = torch.compile(optimizer.step)

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        update()
        return loss

    return run, 1


def make_inference(torch, mode, workload, network, inputs):
    network.eval()
    states = tuple(torch.zeros(workload.batch, extent) for extent in workload.states)
    if mode == "script-frozen":
        with torch.no_grad():
            traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, (inputs, *states))))
        call = traced
    elif mode == "ahead-of-time":
        from torch._inductor import aoti_compile_and_package, aoti_load_package

        with torch.no_grad():
            call = aoti_load_package(aoti_compile_and_package(torch.export.export(network, (inputs, *states))))
    else:
        call = network if mode == "eager" else torch.compile(network)

    def run():
        return call(inputs)

    def step():
        nonlocal states
        y, *states = call(inputs, *states)
        return y

    return step if states else run


def time_calls(run, seconds):
    """Calls per second of `run`, over at least `seconds`, with the clock read about every two milliseconds."""
    start = time.perf_counter()
    run()
    once = max(time.perf_counter() - start, 1e-7)
    chunk = max(1, int(0.002 / once))
    calls = 0
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        for _ in range(chunk):
            run()
        calls += chunk
    return calls / passed


def make_run(torch, name, mode):
    """A function that makes one call, how many steps a call makes, and the samples of a step."""
    layout = torch.channels_last if mode.endswith(LAST) else torch.contiguous_format
    mode = mode.removesuffix(LAST)
    if case := convolutions.case_of(name):
        return convolutions.make_step(torch, case, mode, layout), 1, case.batch
    workload = WORKLOADS[name]
    layers = workload.layers(torch.nn)
    network = torch.nn.Sequential(*layers) if isinstance(layers, list) else layers
    if workload.tokens:
        inputs = torch.randint(0, workload.tokens, (workload.batch, *workload.sample))
        labels = torch.randint(0, workload.classes, (inputs.numel(),))
    else:
        inputs = torch.rand(workload.batch, *workload.sample)
        labels = torch.randint(0, workload.classes, (workload.batch,))
    if layout == torch.channels_last:
        network, inputs = network.to(memory_format=layout), inputs.to(memory_format=layout)
    if not workload.training:
        return make_inference(torch, mode, workload, network, inputs), 1, workload.batch
    return *make_training_step(torch, mode, workload, network, inputs, labels), workload.batch


def serve(name, mode, threads, warm_up):
    """Prepare one setting, then answer each line `SECONDS` on stdin with one line of JSON on stdout."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    import warnings

    warnings.filterwarnings("ignore")
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    set_up_inductor(mode.removesuffix(LAST))
    began = time.perf_counter()
    run, steps, batch = make_run(torch, name, mode)
    training = name in WORKLOADS and WORKLOADS[name].training
    context = contextlib.nullcontext() if training else torch.inference_mode()
    with context:
        for _ in range(3):
            run()
        prepared = time.perf_counter() - began
        losses = [float(run()) for _ in range(100)] if training else []
        time_calls(run, warm_up)
        ready = {"ready": True, "prepare_seconds": prepared, "torch": torch.__version__}
        if losses:
            ready |= {"loss_after_3_calls": losses[0], "loss_after_100_calls": losses[-4]}
        print(json.dumps(ready), file=answers, flush=True)
        for line in sys.stdin:
            rate = time_calls(run, float(line)) * steps
            answer = {"samples_per_second": rate * batch, "microseconds_per_step": 1e6 / rate}
            print(json.dumps(answer), file=answers, flush=True)


def start_peer(name, mode, threads, warm_up):
    """PyTorch in one setting."""
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "active",
        "OMP_PROC_BIND": "true",
        "OMP_PLACES": "cores",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text():  # OpenBLAS would take its AVX2 kernels for a Zen 4
        environment["OPENBLAS_CORETYPE"] = os.environ.get("OPENBLAS_CORETYPE", "SkylakeX")
    return Peer([sys.executable, __file__, "--serve", name, mode, str(threads), str(warm_up)], environment)


def explore(name, threads, options):
    """Every setting's samples per second (best of three short runs), fastest first."""
    found = []
    for mode in options.modes or modes_of(name, options.quick):
        for count in threads:
            entry = {"mode": mode, "threads": count}
            try:
                peer = start_peer(name, mode, count, warm_up=0.3 if options.quick else 1.0)
                runs = [peer.measure(0.2 if options.quick else 0.7) for _ in range(3)]
                peer.close()
                entry |= max(runs, key=lambda run: run["samples_per_second"]) | peer.about
                say(f"{name}: {mode}, {count} threads: {entry['microseconds_per_step']:.2f} µs a step")
            except RuntimeError as error:
                entry |= {"samples_per_second": 0.0, "error": str(error)}
                say(f"{name}: {mode}, {count} threads: does not run: {error}")
            found.append(entry)
    found.sort(key=lambda entry: -entry["samples_per_second"])
    if not found[0]["samples_per_second"]:
        sys.exit(f"{name}: no PyTorch setting runs; the last said: {found[-1]['error']}")
    return found


def compare(name, options):
    settings = explore(name, [options.threads] if options.threads else [1, 2], options)
    best = settings[0]
    outcome = {"name": name, "settings": settings, "torch_mode": best["mode"], "torch_threads": best["threads"]}
    if options.torch_only:
        return outcome
    peer = start_peer(name, best["mode"], best["threads"], warm_up=0.3 if options.quick else 3.0)
    pairs, discarded = measure_pairs(peer, name, options)
    peer.close()
    ratios = [ratio_of(pair) for pair in pairs]
    low, high = bootstrap(ratios)
    middle = lambda side, key: statistics.median(pair[side][key] for pair in pairs)
    return outcome | {
        "torch_samples_per_second": middle(0, "samples_per_second"),
        "torch_microseconds_per_step": middle(0, "microseconds_per_step"),
        "neurons_samples_per_second": middle(1, "samples_per_second"),
        "neurons_microseconds_per_step": middle(1, "microseconds_per_step"),
        "neurons_threads": pairs[0][1]["threads"],
        "peak_gflops": middle(1, "peak_gflops"),
        "neurons_peak_share": middle(1, "peak_share"),
        "ratio": statistics.median(ratios),
        "ratio_low": low,
        "ratio_high": high,
        "pairs": len(pairs),
        "discarded": discarded,
        "ratios": ratios,
    }


def table(outcomes, torch_only):
    if torch_only:
        lines = ["| workload | PyTorch setting | threads | samples/s | µs a step |", "|---|---|---|---|---|"]
        for outcome in outcomes:
            for entry in outcome["settings"]:
                figures = f"{entry['samples_per_second']:,.0f} | {entry['microseconds_per_step']:.2f}" if "error" not in entry else "does not run |"
                lines.append(f"| {outcome['name']} | {entry['mode']} | {entry['threads']} | {figures} |")
        return "\n".join(lines)
    lines = [
        "| workload | PyTorch's best setting | PyTorch samples/s | neurons samples/s | µs a step, each | share of peak | ratio [95%] | pairs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        lines.append(
            f"| {o['name']} | {o['torch_mode']}, {o['torch_threads']} threads | {o['torch_samples_per_second']:,.0f} | "
            f"{o['neurons_samples_per_second']:,.0f} | {o['torch_microseconds_per_step']:.2f} / {o['neurons_microseconds_per_step']:.3g} | "
            f"{o['neurons_peak_share']:.0%} of {o['peak_gflops']:.0f} GFLOP/s | {o['ratio']:.2f} [{o['ratio_low']:.2f}, {o['ratio_high']:.2f}] | "
            f"{o['pairs']}, {o['discarded']} discarded |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="NAME", help=f"from {', '.join(WORKLOADS)}, all of these if none is named; {convolutions.SWEEP}, or cases of it")
    parser.add_argument("--pairs", type=int, default=12, help="pairs to keep per workload (12)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one PyTorch measurement (1)")
    parser.add_argument("--threads", type=int, help="only this many threads, on both sides; otherwise 1 and 2 are tried, and neurons chooses")
    parser.add_argument("--modes", nargs="+", metavar="MODE", help="only these PyTorch settings")
    parser.add_argument("--neurons", type=pathlib.Path, default=ROOT / "build/release/neurons", help="the command (build/release/neurons)")
    parser.add_argument("--quick", action="store_true", help="two settings, two short pairs")
    parser.add_argument("--torch-only", action="store_true", help="PyTorch's settings only")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of a table")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        name, mode, threads, warm_up = options.serve
        return serve(name, mode, int(threads), float(warm_up))
    if not options.neurons.exists() and (not options.torch_only or convolutions.SWEEP in options.workloads):
        parser.error(f"{options.neurons} is not there; build it, name it by --neurons, or give --torch-only")
    names = []
    for name in options.workloads or WORKLOADS:
        if name not in WORKLOADS and name != convolutions.SWEEP and not convolutions.case_of(name):
            parser.error(f"unknown workload {name!r}; there are {', '.join(WORKLOADS)}, {convolutions.SWEEP}")
        names += convolutions.case_names(options.neurons) if name == convolutions.SWEEP else [name]
    for name in names:
        if refusal := refusal_of(name, options.modes or []):
            parser.error(refusal)
    if options.quick:
        options.pairs, options.seconds = min(options.pairs, 2), min(options.seconds, 0.3)
    outcomes = [compare(name, options) for name in names]
    if options.json:
        print(json.dumps({"workloads": outcomes}, indent=2))
    else:
        print(table(outcomes, options.torch_only))


if __name__ == "__main__":
    main()
