"""The cases of `neurons bench conv-sweep` in PyTorch: one convolutional layer, one direction at a time (compare_torch.py)."""

import dataclasses
import json
import re
import subprocess

SWEEP = "conv-sweep"
# PyTorch's convolutions are oneDNN's; compiled with frozen weights, a forward pass has them reordered beforehand.
MODES = ["eager", "eager-channels-last"]
FORWARD_MODES = [*MODES, "compiled-default", "compiled-default-channels-last"]
NAME = re.compile(r"conv-(\d+)-(\d+)-(\d+)x\3(?:s(\d+))?-(\d+)-b(\d+)-(forward|input-gradient|weight-gradient)")


@dataclasses.dataclass(frozen=True)
class Case:
    """"conv-64-128-3x3s2-56-b16-forward": channels, outputs, kernel and stride, height of x, batch, direction."""

    channels: int
    outputs: int
    kernel: int
    stride: int
    extent: int
    batch: int
    direction: str


def case_of(name):
    """The case of that name, or None."""
    found = NAME.fullmatch(name)
    return found and Case(*(int(part or 1) for part in found.groups()[:-1]), found[7])


def case_names(neurons):
    """All cases of the sweep, as the command has them."""
    done = subprocess.run([str(neurons), "bench", SWEEP, "--seconds", "1e-6", "--json"], capture_output=True, text=True, check=True)
    return [entry["name"] for entry in json.loads(done.stdout)["results"]]


def modes_of(case, quick):
    return MODES[1:] if quick else FORWARD_MODES if case.direction == "forward" else MODES


def make_step(torch, case, mode, layout):
    """A function that computes the case once. Weights, inputs and gradients lie ready in PyTorch's own layouts."""
    pad = (case.kernel - 1) // 2
    layer = torch.nn.Conv2d(case.channels, case.outputs, case.kernel, case.stride, pad, bias=False).to(memory_format=layout)
    x = torch.rand(case.batch, case.channels, case.extent, case.extent).to(memory_format=layout)
    if case.direction == "forward":
        layer = layer.eval().requires_grad_(False)
        call = layer if mode == "eager" else torch.compile(layer)
        return lambda: call(x)
    dy = torch.rand_like(layer(x).detach())
    wanted = (case.direction == "input-gradient", case.direction == "weight-gradient", False)
    weight = layer.weight.detach()
    geometry = ([case.stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1)
    return lambda: torch.ops.aten.convolution_backward(dy, x, weight, None, *geometry, wanted)
