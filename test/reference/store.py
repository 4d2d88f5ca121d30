"""The committed form: index.json names the tensors, tensors.bin holds their values as little-endian
float32. A tensor of up to 4,096 elements is whole; a larger one is its values at 1,024 fixed
positions and 16 sums with fixed random signs, the mean square of whose errors is, on average, the
square of the whole tensor's error; so a defect anywhere in it shows.
"""

import hashlib
import json

import numpy as np

from inputs import positions, signs

WHOLE_LIMIT = 4096
POSITIONS = 1024
PROJECTIONS = 16


def digest(array, dtype):
    """SHA-256 of the array's little-endian bytes as `dtype`; for what must match bit for bit."""
    return hashlib.sha256(np.ascontiguousarray(array, dtype=dtype).tobytes()).hexdigest()


def sketch(values):
    """The stored values of a flat float64 array."""
    if values.size <= WHOLE_LIMIT:
        return values
    at_positions = values[positions(POSITIONS, values.size)]
    return np.concatenate([at_positions, signs(values.size, PROJECTIONS) @ values])


class Store:
    def __init__(self):
        self.chunks = []
        self.length = 0
        self.groups = {"cases": {}, "adam": {}}

    def case(self, name, group="cases", **fields):
        """Starts a case; `add` writes into the latest."""
        self.tensors = {}
        self.groups[group][name] = {**fields, "tensors": self.tensors}

    def add(self, name, array):
        values = np.asarray(array, dtype=np.float64)
        assert np.all(np.isfinite(values)), name
        stored = sketch(values.reshape(-1)).astype("<f4")
        self.tensors[name] = {
            "shape": list(values.shape),
            "norm": float(np.linalg.norm(values)),
            "offset": self.length,
        }
        self.chunks.append(stored.tobytes())
        self.length += stored.size

    def add_zero(self, name, shape, scale):
        """A tensor that is zero in exact arithmetic, where sums whose L2 norm is `scale` cancel."""
        self.tensors[name] = {"shape": list(shape), "norm": 0, "scale": scale}

    def blob(self):
        return b"".join(self.chunks)

    def write(self, folder, header):
        (folder / "tensors.bin").write_bytes(self.blob())
        fields = {**header, "wholeLimit": WHOLE_LIMIT, "positions": POSITIONS, "projections": PROJECTIONS}
        (folder / "index.json").write_text(encode({**fields, **self.groups}) + "\n")


def encode(value, indent=""):
    """JSON with a line for each tensor, so that a difference can be read."""
    is_leaf = not isinstance(value, dict) or "shape" in value or "tensorflow" in value
    if is_leaf:
        return json.dumps(value)
    lines = [f"{indent} {json.dumps(key)}: {encode(item, indent + ' ')}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
