"""The data set, the split and the states that a case begins with; few-recipe.ts and random-recipes.ts are the other
side of this module.
"""

import numpy as np

import inputs
import recipe
import streams as random_streams

STREAMS = random_streams.Streams(recipe.SEED)


def mulberry32(seed, count):
    """[count] uint32 of Tommy Ettinger's Mulberry32, from the state that `Choices` of the tests gives a seed."""
    start = ((seed + 1) * 0x9E3779B9) & 0xFFFFFFFF
    state = (start + np.arange(1, count + 1, dtype=np.uint64) * 0x6D2B79F5) & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)

    def times(a, b):
        return (a * b) & mask

    mixed = times(state ^ (state >> np.uint64(15)), state | np.uint64(1))
    mixed ^= (mixed + times(mixed ^ (mixed >> np.uint64(7)), mixed | np.uint64(61))) & mask
    return mixed ^ (mixed >> np.uint64(14))


def data_set(data):
    """Bytes [n, height, width, channels] and labels [n], training then test."""
    size = int(np.prod(data.shape))
    pixels = (mulberry32(4, (recipe.TRAIN + recipe.TEST) * size) >> np.uint64(24)).astype(np.uint8)
    pixels = pixels.reshape(-1, *data.shape)
    labels = [np.arange(count) % data.classes for count in (recipe.TRAIN, recipe.TEST)]
    return (pixels[: recipe.TRAIN], labels[0]), (pixels[recipe.TRAIN :], labels[1])


def split():
    order = (7 * np.arange(recipe.LABELLED + recipe.UNLABELLED) + 3) % recipe.TRAIN
    return order[: recipe.LABELLED], order[recipe.LABELLED :]


def shaken(name, size):
    """Float64 in [-1, 1), one sequence for each name."""
    mask = np.uint64(0xFFFFFFFF)
    mixed = (np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B1)) & mask
    for byte in name.encode("ascii"):
        mixed = ((mixed ^ np.uint64(byte)) * np.uint64(0x01000193)) & mask
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(0x846CA68B)) & mask
    return (mixed ^ (mixed >> np.uint64(16))).astype(np.float64) / 2.0**31 - 1


def float32(values):
    return values.astype(np.float32).astype(np.float64)


def targets(data):
    """In turns nothing, one class, some of each."""
    found = np.zeros((recipe.LANDMARKS, data.classes))
    for row in range(recipe.LANDMARKS):
        likeliest = (row * 5 + 1) % data.classes
        if row % 3 == 1:
            found[row, likeliest] = 1
        if row % 3 == 2:
            found[row] = 1 / 8
            found[row, likeliest] = 1 - (data.classes - 1) / 8
    return found


def initial(name, shape, start):
    if start is None:
        return np.full(shape, 1.0 if name.endswith(("gamma", "moving_variance")) else 0.0)
    stream, fan_in, fan_out = start
    if fan_out is None:
        return random_streams.he_uniform(STREAMS, stream, shape, fan_in)
    return random_streams.glorot_uniform(STREAMS, stream, shape, fan_in, fan_out)


def state_of(data, stage):
    """Name to array: parameters, averages, moments, targets at the first step of a stage."""
    state = {}
    for name, (shape, start, role) in recipe.parameters(data).items():
        size = int(np.prod(shape))
        value = initial(name, shape, start)
        if role != "frozen":
            value = float32(value + 0.1 * shaken(name, size).reshape(shape))
        state[name] = targets(data) if name == "landmarks/targets" else value
        if role != "trained":
            continue
        keys = [f"adam/m/{name}", f"adam/v/{name}", f"average/{name}"]
        m, v, average = (shaken(key, size).reshape(shape) for key in keys)
        if stage.is_fresh:
            m, v, average = np.zeros(shape), np.zeros(shape), value
        else:
            m, v = float32(0.01 * m), float32(1e-4 * (1.5 + v))
            average = float32(value + 0.02 * average)
        state[keys[0]], state[keys[1]] = m, v
        if not name.startswith("projection/"):
            state[keys[2]] = average
    return state


def normalised(pixels):
    return inputs.normalise(pixels)
