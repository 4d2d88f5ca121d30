"""Makes the reference data that every engine is checked against, from TensorFlow in float64.

From the repository's root, with Python 3.11 on Linux x64:

    python3.11 -m venv venv
    venv/bin/pip install -r test/reference/requirements.txt
    venv/bin/python test/reference/make_reference.py            writes test/reference/data/
    venv/bin/python test/reference/make_reference.py --float32  prints what single precision costs

Two runs write the same bytes. README.md says what the data are.
"""

import os
import pathlib
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its float32 kernels order sums by the machine

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import cases  # noqa: E402
import deviation  # noqa: E402
import keras_check  # noqa: E402
import streams  # noqa: E402
import training  # noqa: E402

LIMIT_BYTES = 4_000_000


def check_conventions():
    streams.check_known_answers()
    state, _ = cases.shaken_state(training.RECIPES["notebook-as-run"])
    keras_check.check_networks(state, cases.TRAIN[: cases.BATCH], cases.SAMPLE_LATENTS)


def write(store):
    header = {
        "madeBy": {"tensorflow": tf.__version__, "numpy": np.__version__},
        "seed": cases.SEED,
        "labels": cases.LABELS,
        "samples": cases.SAMPLES,
        "digests": cases.digests(),
    }
    folder = pathlib.Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    store.write(folder, header)
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert size < LIMIT_BYTES, f"{size} bytes of reference data; at most {LIMIT_BYTES} may be committed"
    print(f"{size / 1e6:.2f} MB")


def main():
    tf.get_logger().setLevel("ERROR")
    warnings.filterwarnings("ignore", message=".*batch_normalization. is deprecated")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    check_conventions()
    store = cases.make_cases(tf.float64)
    if "--float32" in sys.argv[1:]:
        deviation.print_deviations(cases.make_cases(tf.float32), store)
        return
    cases.add_adam_cases(store)
    write(store)


main()
