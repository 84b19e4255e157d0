"""Measuring `neurons bench` against a peer, pair by pair: what the scripts that compare speed share.

The two take turns as A-B-B-A, so that a drift of the machine hits both alike. The peer lives in a process of its own that is
stopped (SIGSTOP) whenever it is not its turn: its waiting threads would take cores from the other side. A round of two pairs is
discarded if the FMA peak that neurons reports moved by more than 3% inside it.
"""

import contextlib
import json
import os
import random
import select
import signal
import statistics
import subprocess
import sys

PEAK_MAY_MOVE = 0.03
SETTING_TIME_LIMIT = 300.0  # seconds that one setting may take to compile and warm up


class Peer:
    """A process that says one line of JSON when it is ready, and then answers each line `SECONDS` on its stdin by a line of JSON
    with samples_per_second and microseconds_per_step. Stopped while it is not measured."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | environment, text=True, start_new_session=True
        )
        self.about = self.answer(SETTING_TIME_LIMIT)
        self.pause()

    def answer(self, limit):
        """One line of JSON from the process; RuntimeError if it ends, or says nothing within `limit` seconds."""
        if not select.select([self.process.stdout], [], [], limit)[0]:
            self.close()
            raise RuntimeError(f"no answer within {limit:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            reason = [text for text in self.process.stderr.read().strip().splitlines() if text.strip()]
            self.process.wait()
            raise RuntimeError(next((text for text in reversed(reason) if "Error" in text), reason[-1] if reason else "ended without a word"))
        said = json.loads(line)
        if "error" in said:
            raise RuntimeError(said["error"])
        return said

    def signal(self, which):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, which)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def measure(self, seconds):
        self.signal(signal.SIGCONT)
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        result = self.answer(seconds * 10 + 60)
        self.pause()
        return result

    def close(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


def run_neurons(binary, name, threads):
    command = [str(binary), "bench", name, "--json"] + (["--threads", str(threads)] if threads else [])
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    result = next((entry for entry in answer["results"] if entry["name"] == name), None)
    if result is None:
        sys.exit(f"{' '.join(command)}: its results hold no {name!r}")
    return result | {"peak_gflops": answer["peak_gflops"], "threads": answer["threads"]}


def ratio_of(pair):
    return pair[1]["samples_per_second"] / pair[0]["samples_per_second"]


def measure_pairs(peer, name, options):
    """Rounds of peer, neurons, neurons, peer until options.pairs are kept, after a run of neurons that is not counted; also how many
    pairs were discarded. `options` has seconds, neurons (the command) and threads (or none), too."""
    run_neurons(options.neurons, name, options.threads)
    pairs, discarded = [], 0
    while len(pairs) < options.pairs:
        first = peer.measure(options.seconds)
        ours = [run_neurons(options.neurons, name, options.threads) for _ in range(2)]
        last = peer.measure(options.seconds)
        peaks = [run["peak_gflops"] for run in ours]
        if max(peaks) / min(peaks) - 1 > PEAK_MAY_MOVE:
            discarded += 2
            if discarded >= 4 * options.pairs:
                sys.exit(f"{name}: the machine is not quiet: {discarded} pairs discarded, {len(pairs)} kept")
            continue
        pairs += [(first, ours[0]), (last, ours[1])]
        say(f"{name}: {len(pairs)} of {options.pairs} pairs, ratio {statistics.median(ratio_of(pair) for pair in pairs):.2f}")
    return pairs, discarded


def bootstrap(values, rounds=10000):
    """The 95% interval of the median."""
    source = random.Random(0)
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(rounds))
    return medians[int(0.025 * rounds)], medians[int(0.975 * rounds)]


def say(text):
    print(text, file=sys.stderr, flush=True)
