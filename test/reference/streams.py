"""The random streams and what is drawn from them, written from the design rather than from the
TypeScript: Philox4x32-10 (Salmon et al. 2011) keyed by the seed, counter (block, step, stream, 0).

Owns every input that a run takes from its seed: split, batches, latents, masks, first parameters.
"""

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)

# The top byte of a stream's number says what it is for; up to three bytes tell streams of one use apart.
SPLIT, INITIALISE, LABELLED, UNLABELLED, LATENT, DROPOUT, SAMPLE_LATENT, LANDMARK, VIEW, NOISE = range(1, 11)

# Random123's published known answers (kat_vectors): counter, key, output.
KNOWN_ANSWERS = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


def stream_number(use, a=0, b=0, c=0):
    return use << 24 | a << 16 | b << 8 | c


def philox(counter, key):
    """Four uint32 words for each counter. `counter`: four arrays [n] (or integers), `key`: two integers."""
    c = [np.asarray(word, dtype=np.uint64) for word in np.broadcast_arrays(*counter)]
    k = [np.uint64(word) for word in key]
    for _ in range(10):
        first = c[0] * np.uint64(MULTIPLIERS[0])
        second = c[2] * np.uint64(MULTIPLIERS[1])
        c = [
            (second >> SHIFT) ^ c[1] ^ k[0],
            second & MASK,
            (first >> SHIFT) ^ c[3] ^ k[1],
            first & MASK,
        ]
        k = [(word + np.uint64(weyl)) & MASK for word, weyl in zip(k, WEYL)]
    return np.stack(c, axis=-1).astype(np.uint32)


def check_known_answers():
    for counter, key, expected in KNOWN_ANSWERS:
        words = philox(counter, key)
        assert tuple(int(word) for word in words) == expected, (counter, key, words)


class Streams:
    """All streams of one seed, 0 to 2^53 - 1. Stateless."""

    def __init__(self, seed):
        self.key = (seed & 0xFFFFFFFF, seed >> 32)

    def words(self, stream, step, count):
        """[count] uint32: element i is word i mod 4 of block i div 4."""
        blocks = np.arange((count + 3) // 4)
        return philox((blocks, step, stream, 0), self.key).reshape(-1)[:count]

    def indices(self, stream, step, count, bound):
        """[count] integers in [0, bound): the high word of word x bound."""
        products = self.words(stream, step, count).astype(np.uint64) * np.uint64(bound)
        return (products >> SHIFT).astype(np.int64)

    def symmetric(self, stream, step, count):
        """[count] float64 in [-1, 1), each of them exact in float32: 2u - 1, u the top 24 bits x 2^-24."""
        return (self.words(stream, step, count) >> np.uint32(8)) * 2.0**-24 * 2 - 1

    def permutation(self, stream, step, count):
        """Fisher-Yates from the end: draw j exchanges position count - 1 - j with one at or before it."""
        words = self.words(stream, step, count)
        order = np.arange(count)
        for draw in range(count - 1):
            position = count - 1 - draw
            other = int(words[draw]) * (position + 1) >> 32
            order[position], order[other] = order[other], order[position]
        return order

    def dropout_mask(self, stream, step, shape, rate):
        """Float64 of `shape`: 0 where dropped, 1 / (1 - rate) where kept.

        Element i (row-major) is half i mod 8 of block i div 8, the low half of each word first, and is
        dropped where that 16-bit number is below round(rate x 65536).
        """
        count = int(np.prod(shape))
        words = self.words(stream, step, (count + 1) // 2)
        halves = np.stack([words & np.uint32(0xFFFF), words >> np.uint32(16)], axis=-1).reshape(-1)[:count]
        dropped = halves < round(rate * 65536)
        return np.where(dropped, 0.0, 1 / (1 - rate)).reshape(shape)


def normal(words):
    """Sums of the four bytes of each word, less 510, times float32(1 / sqrt(65535 / 3)), rounded to float32."""
    bytes_ = np.asarray(words, dtype="<u4").reshape(-1, 1).view(np.uint8).astype(np.float64)
    scale = np.float64(np.float32(1 / np.sqrt(65535 / 3)))
    return ((bytes_.sum(axis=1) - 510) * scale).astype(np.float32).astype(np.float64).reshape(np.shape(words))


def symmetric_uniform(streams, stream, shape, limit):
    """float32(limit) x (2u - 1) rounded to float32, at step 0. Float64 holding float32 values."""
    values = np.float64(np.float32(limit)) * streams.symmetric(stream, 0, int(np.prod(shape)))
    return values.astype(np.float32).astype(np.float64).reshape(shape)


def glorot_uniform(streams, stream, shape, fan_in, fan_out):
    return symmetric_uniform(streams, stream, shape, np.sqrt(6 / (fan_in + fan_out)))


def he_uniform(streams, stream, shape, fan_in):
    return symmetric_uniform(streams, stream, shape, np.sqrt(6 / fan_in))
