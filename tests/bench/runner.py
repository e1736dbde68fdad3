# SPDX-License-Identifier: MIT
"""Programs of tests/bench that warm up and then wait for their turns."""
import json
import os
import re
import subprocess
import tempfile

# Settings that would change one side's threads or memory from the default.
SETTINGS = ("OMP_", "GOMP_", "KMP_", "MALLOC_")


class Failure(Exception):
    pass


class Runner:
    """A program that is warm and waits for its next turn."""

    def __init__(self, command, environment):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(list(map(str, command)), text=True, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        try:
            self.answer()
        except Failure:
            self.end()
            raise

    def answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.errors.seek(0)
        said = self.errors.read().strip().splitlines()
        raise Failure(said[-1] if said else "it ended without a word")

    def begin(self):
        self.process.stdin.write("turn\n")
        self.process.stdin.flush()

    def turn(self):
        self.begin()
        return self.answer()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def environment_of(threads, more=()):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
    return {**kept, "OMP_NUM_THREADS": str(threads), **dict(more)}


def about_machine(turn):
    """The processor, and by what a turn of bench_train computed."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return (f"{model[1] if model else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores, "
            f"kernel {turn['kernel']}, OpenBLAS core {turn['blas_core']}")
