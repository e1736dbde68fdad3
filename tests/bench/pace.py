# SPDX-License-Identifier: MIT
"""Warm-up and timing of a step, as in bench_train.c."""
import json
import statistics
import sys
import time

BATCHES = 4  # made beforehand, and taken in turn
# Warm: this many steps in a row were not 1 % faster than the fastest before, and WARM_SECONDS have
# passed.
PATIENCE = 5
FASTER = 0.99
WARM_SECONDS = 1
LEAST_STEPS = 2  # of a turn


def peak_memory():
    """Peak memory of the process, in MiB; getrusage's would start with the parent's."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def add_options(parser):
    parser.add_argument("--batch", type=int, default=128, help="images a step (128)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2, help="seconds of a turn (2)")
    parser.add_argument("--turns", action="store_true",
                        help="a line when warm, then a turn for each line of standard input")


def seconds_of(step, batches, number):
    start = time.perf_counter()
    step(*batches[number % len(batches)])
    return time.perf_counter() - start


def warm_up(step, batches):
    fastest, idle, number, start = float("inf"), 0, 0, time.perf_counter()
    while idle < PATIENCE or time.perf_counter() - start < WARM_SECONDS:
        seconds = seconds_of(step, batches, number)
        idle = 0 if seconds < FASTER * fastest else idle + 1
        fastest = min(fastest, seconds)
        number += 1


def turn(step, batches, options, about):
    """Prints one line of JSON: the speed of the median and the fastest step, and memory."""
    seconds = []
    while len(seconds) < LEAST_STEPS or sum(seconds) < options.seconds:
        seconds.append(seconds_of(step, batches, len(seconds)))
    print(json.dumps({**about, "batch": options.batch, "threads": options.threads,
                      "images_per_second": options.batch / statistics.median(seconds),
                      "fastest_step": options.batch / min(seconds),
                      "peak_mib": peak_memory()}), flush=True)


def run(step, batches, options, about):
    """Warms `step` up, which takes one of `batches`, and times it."""
    warm_up(step, batches)
    if not options.turns:
        turn(step, batches, options, about)
        return
    print(json.dumps({"warm": True}), flush=True)
    for _ in sys.stdin:
        turn(step, batches, options, about)
