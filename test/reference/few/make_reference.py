"""Makes the reference data of learning from few labels, from PyTorch and SciPy in float64.

From the repository's root, with Python 3.11 on Linux x64:

    python3.11 -m venv venv
    venv/bin/pip install -r test/reference/few/requirements.txt
    venv/bin/python test/reference/few/make_reference.py    writes test/reference/few/data/

Two runs write the same bytes. README.md says what the data are.
"""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]

import numpy as np  # noqa: E402
import scipy  # noqa: E402
import torch  # noqa: E402

import recipe  # noqa: E402
import states  # noqa: E402
import streams  # noqa: E402
import views  # noqa: E402
from step import Step, World, evaluate  # noqa: E402
from store import Store, digest  # noqa: E402

LIMIT_BYTES = 1_000_000
# A value that float32 puts on the other side of its corner changes a derivative.
MIN_KINK_DISTANCE = 2e-6
VIEW_ROWS = 12
VIEW_STREAM = streams.stream_number(streams.VIEW, 200, 0)


def check_kinks(case, kinks):
    for name, value in kinks:
        sizes = np.abs(value[value != 0]) / max(np.sqrt(np.mean(np.square(value))), 1e-30)
        assert sizes.size == 0 or np.min(sizes) > MIN_KINK_DISTANCE, (case, name, np.min(sizes))


def add_stage(store, number, world, index):
    """What the next step computes at a stage's first step, and the state after it."""
    stage = recipe.STAGES[index]
    name = f"data {number}, stage {index}"
    store.case(name, data=number, stage=index, step=stage.first)
    state = states.state_of(world.data, stage)
    step = Step(world, state, stage, stage.first).run()
    check_kinks(name, step.kinks)
    for key, value in step.values.items():
        store.add(key, value)
    for key, value in step.state.items():
        if value is not state[key]:
            store.add(f"after1/{key}", value)
    for key, value in evaluate(world, state).items():
        store.add(key, value)
    return {f"{name}/{key}": digest(value, "<f4") for key, value in state.items()}


def add_views(store, number, world):
    """Every view of some images, by themselves."""
    store.case(f"data {number}, views", data=number, stage=0, step=0)
    for name, view in views.VIEWS.items():
        images = np.concatenate([world.train, world.test])[:VIEW_ROWS]
        store.add(f"view/{name}", views.show_all(view, states.STREAMS, VIEW_STREAM, 0, images))


def check_views():
    """A view of nothing changes nothing; where nothing is random, what a view does is known beforehand."""
    image = np.random.default_rng(1).uniform(-1, 1, (6, 8, 2))
    words = states.STREAMS.words(VIEW_STREAM, 0, views.WORDS)
    assert np.array_equal(views.show(views.NOTHING, words, image), image)
    still = np.full(views.WORDS, 1 << 31, dtype=np.uint32)
    still[4] = 0
    # u = 0: the image is sampled two pixels to the left, so that it moves to the right.
    moved = views.show(views.View(shift=2), still, image)
    assert np.allclose(moved[:, 2:], image[:, :-2]) and np.all(moved[:, :2] == -1)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    streams.check_known_answers()
    check_views()
    store = Store()
    digests = {}
    for number, data in enumerate(recipe.DATA):
        world = World(data)
        (train, _), (test, _) = states.data_set(data)
        digests |= {f"data {number}/train": digest(train, "u1"), f"data {number}/test": digest(test, "u1")}
        add_views(store, number, world)
        for index in range(len(recipe.STAGES)):
            digests |= add_stage(store, number, world, index)
    header = {
        "madeBy": {"tensorflow": "none", "torch": torch.__version__, "scipy": scipy.__version__},
        "seed": recipe.SEED,
        "labels": recipe.LABELLED,
        "samples": 0,
        "digests": digests,
    }
    folder = FOLDER / "data"
    folder.mkdir(exist_ok=True)
    store.write(folder, header)
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert size < LIMIT_BYTES, f"{size} bytes of reference data; at most {LIMIT_BYTES} may be committed"
    print(f"{size / 1e6:.2f} MB")


main()
