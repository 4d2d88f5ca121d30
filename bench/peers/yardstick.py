"""What the Python yardsticks share: the inputs of one step, the clock, the line they print.

The inputs are a folder written by scripts/lib/bench-python.mjs: index.json names float32 arrays with their
shapes, each a little-endian file of its own. Every yardstick that computes an engine's step checks its losses at
step 1 against those in the index before it is timed; it then prints one JSON object.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time

import numpy as np

TOLERANCE = 1e-4
WARM_UP_STEPS = 10
ROUND_MS = 100


def parser():
    """What every yardstick is told."""
    result = argparse.ArgumentParser()
    result.add_argument("--threads", type=int, required=True)
    result.add_argument("--rounds", type=int, required=True)
    return result


def arguments():
    """Of a yardstick that computes an engine's step."""
    result = parser()
    result.add_argument("--inputs", type=pathlib.Path, required=True)
    return result.parse_args()


def load(folder):
    """Arrays by name, and the losses of step 1 by name."""
    index = json.loads((folder / "index.json").read_text())
    arrays = {
        entry["name"]: np.fromfile(folder / entry["file"], dtype="<f4").reshape(entry["shape"])
        for entry in index["arrays"]
    }
    return arrays, index["losses"]


differences = []


def check(name, actual, expected):
    """Ends the process where a loss of step 1 is not the engine's for the same inputs; notes how far each is off."""
    for loss, value in expected.items():
        error = abs(actual[loss] - value) / abs(value)
        differences.append(error)
        if error > TOLERANCE:
            sys.exit(f"{name}: {loss} at step 1 is {actual[loss]}, the engine computes {value}; not timed.")


def time_steps(name, version, options, step):
    """Times rounds of a tenth of a second, one step at least, after a warm-up; prints the result."""
    for _ in range(WARM_UP_STEPS):
        step()
    times = []
    for _ in range(options.rounds):
        left = ROUND_MS
        while left > 0:
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1000)
            left -= times[-1]
    tenths = statistics.quantiles(times, n=10, method="inclusive") if len(times) > 1 else times * 9
    result = {
        "engine": name,
        "version": version,
        "threads": options.threads,
        "msPerStep": {
            "min": min(times),
            "p10": tenths[0],
            "median": statistics.median(times),
            "p90": tenths[-1],
            "max": max(times),
        },
        "steps": len(times),
        # None where nothing was held against an engine.
        "lossDifference": max(differences, default=None),
    }
    print(json.dumps(result))
