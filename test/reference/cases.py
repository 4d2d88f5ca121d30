"""What is computed: the cases, each a state, what the next step computes there, and what follows."""

import numpy as np
import tensorflow as tf

import inputs
import keras_check
import streams as random_streams
import training
from store import Store, digest

# Above 2^32, so that the key's second word counts; the last byte keeps off the kinks (MIN_KINK_DISTANCE).
SEED = 0x123456789AE7
LABELS = 100
SAMPLES = 4
BATCH = 10
# An activation's input that float32 puts on the other side of zero changes a derivative, and three
# updates on many parameters: of some 2 million inputs none may be nearer (in root mean squares).
MIN_KINK_DISTANCE = 2e-6
# The share classified correctly must not hang on a rounding error either.
MIN_LOGIT_DISTANCE = 2e-4

STREAMS = random_streams.Streams(SEED)
TRAIN_BYTES, TRAIN_LABELS = inputs.image_set("train")
TEST_BYTES, TEST_LABELS = inputs.image_set("test")
TRAIN, TEST = inputs.normalise(TRAIN_BYTES), inputs.normalise(TEST_BYTES)
ORDER = STREAMS.permutation(random_streams.stream_number(random_streams.SPLIT), 0, len(TRAIN))
SPLIT = (ORDER[:LABELS], ORDER[LABELS:])
SAMPLE_LATENTS = STREAMS.symmetric(
    random_streams.stream_number(random_streams.SAMPLE_LATENT), 0, SAMPLES * 100
).reshape(SAMPLES, 100)


def shaken_state(recipe):
    """Initial kernels, all else drawn by part (inputs.SHAKEN_RANGES); a bias that stays at zero does."""
    initial = training.initial_state(recipe, STREAMS)
    trained = set(training.trained_names(recipe, initial))
    state, moments = {}, {}
    for name, value in initial.items():
        part = name.split("/")[-1]
        is_drawn = part in inputs.SHAKEN_RANGES and (name in trained or training.is_running(name))
        state[name] = inputs.uniform(name, value.shape, *inputs.SHAKEN_RANGES[part]) if is_drawn else value
        for moment in "mv" if name in trained else "":
            key = f"adam/{moment}/{name}"
            moments[key] = inputs.uniform(key, value.shape, *inputs.SHAKEN_RANGES[moment])
    return state, moments


def initial_state(recipe):
    state = training.initial_state(recipe, STREAMS)
    return state, training.zero_moments({name: state[name] for name in training.trained_names(recipe, state)})


def is_outcome(name):
    """All but the inputs and hidden layers, which only help to find a defect."""
    pass_name, _, layer = name.partition("/")
    return pass_name in ("gradient", "updated") or layer in ("", "features", "logits", "tanh")


def is_of_generator(name):
    return "/" not in name or name.startswith("gradient/generator/")


def add_evaluation(store, prefix, state, dtype):
    """Logits of the test images, and how many are right."""
    logits = training.classify(state, TEST, dtype)
    store.add(f"{prefix}evaluation/logits", logits)
    store.add(f"{prefix}evaluation/correct", np.sum(np.argmax(logits, axis=1) == TEST_LABELS))
    best = np.sort(logits, axis=1)
    distance = np.min(best[:, -1] - best[:, -2])
    assert distance > MIN_LOGIT_DISTANCE or dtype != tf.float64, f"{prefix}: {distance}; take another seed"


def check_kinks(values, case):
    """Fails where an input of an activation (those of dropped elements aside) is next to zero."""
    for name, value in values.items():
        if name.rpartition("/")[2] in training.networks.ACTIVATION_INPUTS:
            sizes = np.abs(value[value != 0]) / np.sqrt(np.mean(np.square(value)))
            assert np.min(sizes) > MIN_KINK_DISTANCE, f"{case}, {name}: {np.min(sizes)}; take another seed"


def add_step(store, recipe, result, keep):
    values = dict(result.values)
    values |= {f"gradient/{name}": value for name, value in result.gradients.items()}
    if recipe.moves_statistics:
        values |= {f"updated/{name}": value for name, value in result.running.items()}
    for name, value in values.items():
        zero_scale = result.zero_scales.get(name.removeprefix("gradient/"))
        if keep(name) and zero_scale is not None:
            store.add_zero(name, value.shape, zero_scale)
        elif keep(name):
            store.add(name, value)


def add_state(store, prefix, recipe, state, moments, dtype):
    # From zero moments Adam makes steps of the rounding noise that is the gradient of a bias before a
    # norm: not compared.
    noise = set() if moments else training.biases_before_norm(training.trained_names(recipe, state))
    for name, value in {**state, **moments}.items():
        if name not in noise:
            store.add(prefix + name, value)
    if prefix == "after1/":
        add_evaluation(store, prefix, state, dtype)


def add_case(
    store, name, recipe_name, dtype, *, batch=BATCH, shaken=False, updates=(), keep=lambda name: True
):
    """`updates`: after how many the state is kept. `keep`: which values of the first step are."""
    recipe = training.RECIPES[recipe_name]
    first = inputs.SHAKEN_STEP if shaken else 0
    start = "shaken" if shaken else "initial"
    store.case(name, recipe=recipe_name, batch=batch, dropout=recipe.dropout, start=start, step=first)
    state, moments = shaken_state(recipe) if shaken else initial_state(recipe)
    if shaken:
        add_evaluation(store, "", state, dtype)
        store.add("generate/images", training.generate(state, SAMPLE_LATENTS, dtype))
    for update in range(1, max(updates, default=1) + 1):
        step = first + update - 1
        drawn = training.draw_batch(STREAMS, SPLIT, batch, step)
        result = training.compute_step(recipe, state, STREAMS, drawn, TRAIN_LABELS, TRAIN, step, dtype)
        if dtype == tf.float64:
            check_kinks(result.values, name)
        if update == 1:
            add_step(store, recipe, result, keep)
        state, moments = training.apply_adam(state, moments, result.gradients, step + 1, dtype)
        state |= result.running
        if update in updates:
            add_state(store, f"after{update}/", recipe, state, moments if shaken else {}, dtype)


def make_cases(dtype):
    store = Store()
    add_case(store, "notebook", "notebook", dtype, updates=(1, 3))
    add_case(store, "notebook-as-run", "notebook-as-run", dtype, updates=(1, 3))
    outcome = {"shaken": True, "updates": (1,), "keep": is_outcome}
    add_case(store, "notebook-shaken", "notebook", dtype, **outcome)
    add_case(store, "notebook-as-run-shaken", "notebook-as-run", dtype, **outcome)
    add_case(store, "notebook-feature-matching", "notebook-feature-matching", dtype, keep=is_of_generator)
    # Four labelled images: a batch of 10 has one, and a missing mean would not show.
    add_case(store, "labels-only", "labels-only", dtype, batch=40, keep=is_outcome)
    return store


def add_adam_cases(store):
    """Three updates by given gradients of sizes from 1e-12 to 10, at the start of a run and late in one."""
    shape = (16, 32)
    size = 10 ** inputs.uniform("adam/exponent", shape, -12, 1)
    gradients = [
        (size * inputs.uniform(f"adam/gradient{i}", shape, -1, 1)).astype(np.float32).astype(np.float64)
        for i in range(3)
    ]
    gradients[1][:2] = 0
    for first in (0, 5000):
        store.case(f"from-{first}", group="adam", step=first)
        state = {"parameter": np.zeros(shape)}
        moments = training.zero_moments(state)
        for i, gradient in enumerate(gradients):
            drawn = {"parameter": gradient}
            state, moments = training.apply_adam(state, moments, drawn, first + i + 1, tf.float64)
            store.add(f"gradient{i + 1}", gradient)
            store.add(f"after{i + 1}/parameter", state["parameter"])
            store.add(f"after{i + 1}/m", moments["adam/m/parameter"])
            store.add(f"after{i + 1}/v", moments["adam/v/parameter"])
        if first == 0:
            keras_check.check_adam(np.zeros(shape), gradients, state["parameter"])


def digests():
    """Of everything drawn, which must match bit for bit. Name to SHA-256."""
    found = {
        "train/images": digest(TRAIN_BYTES, "u1"),
        "train/labels": digest(TRAIN_LABELS, "u1"),
        "test/images": digest(TEST_BYTES, "u1"),
        "test/labels": digest(TEST_LABELS, "u1"),
        "split/labelled": digest(SPLIT[0], "<u4"),
        "split/unlabelled": digest(SPLIT[1], "<u4"),
        "sampleLatents": digest(SAMPLE_LATENTS, "<f4"),
    }
    for step in (0, 1, inputs.SHAKEN_STEP):
        drawn = training.draw_batch(STREAMS, SPLIT, BATCH, step)
        found[f"step{step}/labelled"] = digest(drawn.labelled, "<u4")
        found[f"step{step}/unlabelled"] = digest(drawn.unlabelled, "<u4")
        found[f"step{step}/latents"] = digest(drawn.latents, "<f4")
        for number, (name, rows) in enumerate((("labelled", 1), ("unlabelled", 9), ("fake", 10))):
            mask = training.networks.dropout_masks(STREAMS, step, number, 0.5)
            found[f"step{step}/{name}/dropout1"] = digest(mask(1, (rows, 14, 14, 32)), "<f4")
            found[f"step{step}/{name}/dropout3"] = digest(mask(9, (rows, 4, 4, 128)), "<f4")
    recipe = training.RECIPES["notebook-as-run"]
    for name, value in training.initial_state(recipe, STREAMS).items():
        found[f"initial/{name}"] = digest(value, "<f4")
    state, moments = shaken_state(recipe)
    for name, value in {**state, **moments}.items():
        found[f"shaken/{name}"] = digest(value, "<f4")
    return found
