"""How far the same computation lands from the reference in float32: what a tolerance must allow for."""

import numpy as np

from store import POSITIONS, WHOLE_LIMIT

OFF = 0.05 * 1e-3  # of the learning rate
PARAMETERS = ("kernel", "bias", "gamma", "beta")


def stored_values(store, entry):
    """The tensor's values, whole or at the fixed positions."""
    size = int(np.prod(entry["shape"]))
    values = np.frombuffer(store.blob(), "<f4")[entry["offset"] :]
    return values[: size if size <= WHOLE_LIMIT else POSITIONS].astype(np.float64), size


def print_deviations(single, double):
    """The worst relative L2 error of each group of tensors, and the share of parameters off after updates."""
    worst, off = {}, {}
    for case, fields in double.groups["cases"].items():
        for name, entry in fields["tensors"].items():
            if "offset" not in entry:
                continue
            expected, size = stored_values(double, entry)
            actual, _ = stored_values(single, single.groups["cases"][case]["tensors"][name])
            parts = name.split("/")
            kind = "evaluation" if "evaluation" in parts else "adam" if "adam" in parts else ""
            error = np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30)
            group = (case, parts[0] if len(parts) > 1 else "metrics", kind)
            worst[group] = max(worst.get(group, (0, "")), (error, name))
            if parts[0].startswith("after") and kind == "" and parts[-1] in PARAMETERS:
                count, total = off.get((case, parts[0]), (0, 0))
                off[case, parts[0]] = (count + np.mean(np.abs(actual - expected) > OFF) * size, total + size)
    for (case, group, kind), (error, name) in sorted(worst.items()):
        print(f"{case:26} {group:11} {kind:10} {error:.1e}  {name}")
    for (case, group), (count, total) in sorted(off.items()):
        print(f"{case:26} {group:11} {count / total:.4%} of {total} parameters off by more than 0.05 lr")
