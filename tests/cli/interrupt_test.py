#!/usr/bin/env python3
"""interrupt_test.py NEURONS: what Ctrl-C and kill leave, and runs that continue to the same bits."""

import json
import shlex
import signal
import subprocess
import time

from cli_case import CliCase, LONG_SPEC, main, SMALL_SPEC


class Interrupt(CliCase):
    def start(self, spec, name):
        return subprocess.Popen(
            [str(self.program), "train", str(spec), "--out", str(self.folder / name), "--json"],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def interrupt(self, spec, name, which):
        """Starts a run and interrupts it once it has made an epoch."""
        process = self.start(spec, name)
        metrics = self.folder / name / "metrics.jsonl"
        for _ in range(2000):
            if metrics.exists() and metrics.read_text():
                break
            time.sleep(0.01)
        process.send_signal(which)
        out, err = process.communicate(timeout=60)
        return process.returncode, json.loads(out), err

    def test_saves_says_how_to_resume_and_resumes_to_the_same_bits(self):
        long = self.write("long.toml", LONG_SPEC)
        whole = self.train("whole", long)
        for which in (signal.SIGINT, signal.SIGTERM):
            name = f"part{int(which)}"
            code, answer, err = self.interrupt(long, name, which)
            self.assertEqual(code, 1)
            self.assertEqual(answer["stopped"], "interrupted")
            self.assertLess(answer["epochs"], 4000)
            self.assertIn("interrupted; a checkpoint is saved in", err)
            self.assertIn(f"neurons train {long} --out {self.folder / name} --resume", err)
            resumed = self.train(name, long, "--resume")
            self.assertEqual(resumed["weights_sha256"], whole["weights_sha256"])
            self.assertEqual(resumed["epochs"], 4000)

    def test_setting_up_a_large_network_ends_at_once(self):
        large = self.write("large.toml", SMALL_SPEC.replace("units = 8", "units = 20000").replace(
            "layers = [", 'layers = [{ kind = "dense", units = 10000, activation = "tanh" }, '))
        for which in (signal.SIGINT, signal.SIGTERM):
            process = self.start(large, "large")
            time.sleep(1)
            process.send_signal(which)
            start = time.monotonic()
            out, err = process.communicate(timeout=60)
            self.assertLess(time.monotonic() - start, 10)  # of a minute or more
            said = "interrupted before training began; nothing is written"
            self.assertEqual((process.returncode, json.loads(out), err), (1, {"error": said}, f"neurons: {said}\n"))
            self.assertFalse((self.folder / "large").exists())

    def test_what_it_says_is_a_command_for_the_shell(self):
        long = self.write("it's long.toml", LONG_SPEC)
        _, _, err = self.interrupt(long, "a part", signal.SIGINT)
        command = err.strip().split("continue with: neurons ")[1]
        self.assertEqual(shlex.split(command), ["train", str(long), "--out", str(self.folder / "a part"), "--resume"])

    def test_resume_wants_a_run_and_the_same_spec(self):
        self.assertIn("there is no run to resume", self.sentence("train", self.spec, "--out", self.folder / "none", "--resume", code=2))
        self.train("run")
        changed = self.write("changed.toml", SMALL_SPEC.replace("batch_size = 16", "batch_size = 8"))
        text = self.sentence("train", changed, "--out", self.folder / "run", "--resume", "--quiet", code=2)
        self.assertIn('it says "batch_size = 8", the run "batch_size = 16"', text)
        self.assertEqual(self.train("run", None, "--resume", "--epochs", "14")["epochs"], 14)

    def test_resume_of_a_run_that_has_ended(self):
        whole = self.train("run")
        resume = ("train", self.spec, "--out", self.folder / "run", "--resume")
        before = {path: path.read_bytes() for path in (self.folder / "run").rglob("*") if path.is_file()}
        text = self.sentence(*resume, "--epochs", "5", "--quiet", code=2)
        self.assertIn("/run: this run has made 12 epochs already, more than epochs = 5; resume it with 12 or more, or train anew", text)
        self.assertEqual({path: path.read_bytes() for path in (self.folder / "run").rglob("*") if path.is_file()}, before)
        done = self.call(*resume, "--json")
        self.assertIn("note: nothing was left to train: this run has ended after 12 epochs\n", done.stderr)
        self.assertEqual(json.loads(done.stdout)["weights_sha256"], whole["weights_sha256"])


if __name__ == "__main__":
    main()
