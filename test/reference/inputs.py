"""Inputs that no seed draws: the synthetic data set, the shaken state, Adam's given gradients, the
positions and signs by which large tensors are kept. All come from one integer hash, so that the
tests make the same ones without a file; inputs.ts is the other side of this module.
"""

import numpy as np

TRAIN_IMAGES = 300
TEST_IMAGES = 100
CLASSES = 10
SIZE = 28
# Images are hashed by (salt, index); labels get salts of their own.
SALTS = {"train": (1, 2), "test": (3, 4)}


def hash32(x):
    """Chris Wellons' lowbias32: uint32 to uint32, a bijection with every bit of the input mixed."""
    x = np.asarray(x, dtype=np.uint64) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = x ^ (x >> np.uint64(shift))
        x = x * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    return (x ^ (x >> np.uint64(16))).astype(np.uint32)


def hashed(salt, index):
    """The hash of element `index` (up to 2^32) of the sequence `salt`."""
    return hash32(hash32(salt).astype(np.uint64) + np.asarray(index, dtype=np.uint64))


def name_salt(name):
    """FNV-1a of a tensor's name (ASCII)."""
    salt = 0x811C9DC5
    for byte in name.encode("ascii"):
        salt = (salt ^ byte) * 0x01000193 & 0xFFFFFFFF
    return salt


def image_set(name):
    """Bytes [n, 28, 28, 1] and labels [n].

    The mean of one byte for each 4 x 4 tile and one for each pixel, stretched about 128 by two and
    clipped, so that both ends of the byte range are common, as they are in MNIST.
    """
    count = {"train": TRAIN_IMAGES, "test": TEST_IMAGES}[name]
    image_salt, label_salt = SALTS[name]
    image, row, column = np.indices((count, SIZE, SIZE))
    fine = hashed(image_salt, (image * SIZE + row) * SIZE + column).astype(np.int64) >> 24
    tile = hashed(image_salt, (1 << 24) + (image * 7 + row // 4) * 7 + column // 4).astype(np.int64) >> 24
    images = np.clip(fine + tile - 128, 0, 255).astype(np.uint8)[..., np.newaxis]
    index = np.arange(count)
    labels = (index + (hashed(label_salt, index) >> np.uint32(16))) % CLASSES
    return images, labels.astype(np.uint8)


def normalise(images):
    """Bytes to [-1, 1] as the notebook does: computed in float64, rounded to float32 once."""
    return (images / 127.5 - 1).astype(np.float32).astype(np.float64)


def uniform(name, shape, low, high):
    """Float64 holding float32 values in [low, high), one sequence for each name."""
    u = (hashed(name_salt(name), np.arange(int(np.prod(shape)))) >> np.uint32(8)) * 2.0**-24
    return (low + (high - low) * u).astype(np.float32).astype(np.float64).reshape(shape)


# What a shaken state draws for a part: at step 0 biases, offsets and means are 0, scales and
# variances 1 and moments 0, so that a defect in any of them would not show. Running statistics are
# small beside a batch's, so that the n / (n - 1) of a batch of 1,440 values shows in their average.
SHAKEN_RANGES = {
    "bias": (-0.1, 0.1),
    "gamma": (0.75, 1.25),
    "beta": (-0.2, 0.2),
    "moving_mean": (-0.02, 0.02),
    "moving_variance": (0.0005, 0.0015),
    "m": (-0.01, 0.01),
    "v": (0.00005, 0.00015),
}
SHAKEN_STEP = 1000


def positions(count, size):
    """`count` fixed positions in a tensor of `size` elements; some may repeat."""
    products = hashed(0x706F73, np.arange(count)).astype(np.uint64) * np.uint64(size)
    return (products >> np.uint64(32)).astype(np.int64)


def signs(size, projections):
    """[projections, size] of +1 and -1: bit k of element i's hash."""
    bits = hashed(0x7369676E, np.arange(size))
    return np.stack([1.0 - 2.0 * ((bits >> np.uint32(k)) & np.uint32(1)) for k in range(projections)])
