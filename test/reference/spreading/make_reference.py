"""What SciPy and scikit-learn make of the same landmarks: neighbours, spread labels, leaving one out, directions.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_reference.py

Writes reference.json beside this file. Leaving a label out is done as it is said: the others are spread once more.
"""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors
from sklearn.semi_supervised import LabelSpreading

COUNT, SIZE, CLASSES, NEAREST = 260, 12, 4, 12
LABELLED = [7, 3, 6, 4]
POWER, KEPT, ROUNDS = 10, 0.99, 60


def landmarks():
    """Clusters that overlap, the labelled rows first; float32, in thousandths so that JSON has them exactly."""
    random = np.random.RandomState(12)
    centres = random.normal(size=(CLASSES, SIZE)) * 0.8
    classes = random.randint(CLASSES, size=COUNT)
    first = np.concatenate([np.full(count, own) for own, count in enumerate(LABELLED)])
    classes[: len(first)] = random.permutation(first)
    features = centres[classes] + random.normal(size=(COUNT, SIZE))
    return np.round(features * 1000) / 1000, classes[: len(first)]


def neighbours(unit):
    distances, indices = NearestNeighbors(n_neighbors=NEAREST + 1, metric="cosine", algorithm="brute").fit(unit).kneighbors(unit)
    assert (indices[:, 0] == np.arange(COUNT)).all()
    return indices[:, 1:], 1 - distances[:, 1:]


def graph(indices, cosines):
    weights = np.maximum(cosines, 0) ** POWER
    rows = np.repeat(np.arange(COUNT), NEAREST)
    directed = sparse.csr_matrix((weights.ravel(), (rows, indices.ravel())), shape=(COUNT, COUNT))
    return directed.maximum(directed.T)


def normalised(weights):
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    scale = sparse.diags(1 / np.sqrt(degrees))
    return scale @ weights @ scale


def spread(s, rows, classes):
    seeds = np.zeros((COUNT, CLASSES))
    for row, own in zip(rows, classes):
        seeds[row, own] = 1 / (classes == own).sum()
    values = seeds
    for _ in range(ROUNDS):
        values = KEPT * (s @ values) + (1 - KEPT) * seeds
    return values


def check_by_scikit_learn(weights, s):
    """As many labels a class: then its LabelSpreading, which does not divide by counts, is the same up to a factor."""
    rows = np.arange(0, 40, 2)
    classes = np.arange(20) % CLASSES
    labels = np.full(COUNT, -1)
    labels[rows] = classes
    model = LabelSpreading(kernel=lambda a, b: weights.toarray(), alpha=KEPT, max_iter=ROUNDS, tol=0)
    model.fit(np.zeros((COUNT, 1)), labels)
    own = spread(s, rows, classes)
    own /= own.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(own, model.label_distributions_, atol=1e-12)


def main():
    features, classes = landmarks()
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    indices, cosines = neighbours(unit)
    np.testing.assert_allclose(np.take_along_axis(cosine_similarity(features), indices, 1), cosines, atol=1e-12)
    gaps = np.diff(-np.sort(-(unit @ unit.T), axis=1), axis=1)[:, : NEAREST + 1]
    assert -gaps.max() > 1e-6, "two neighbours are too much alike to be told apart in float32"
    weights = graph(indices, cosines)
    s = normalised(weights)
    check_by_scikit_learn(weights, s)
    rows = np.arange(len(classes))
    left_out = [spread(s, np.delete(rows, row), np.delete(classes, row))[row] for row in rows]
    centred = unit - unit.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    reference = {
        "count": COUNT,
        "size": SIZE,
        "classes": CLASSES,
        "nearest": NEAREST,
        "features": features.ravel().tolist(),
        "labels": classes.tolist(),
        "indices": indices.ravel().tolist(),
        "cosines": np.round(cosines, 9).ravel().tolist(),
        "spread": [float(f"{value:.10g}") for value in spread(s, rows, classes).ravel()],
        "leftOut": [float(f"{value:.10g}") for value in np.array(left_out).ravel()],
        "map": np.round((centred @ directions[:2].T) / np.abs(centred @ directions[:2].T).max(axis=0), 9).ravel().tolist(),
    }
    print("singular values", singular[:4], "left out right", (np.argmax(left_out, axis=1) == classes).mean())
    text = ",\n".join(f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in reference.items())
    (Path(__file__).parent / "reference.json").write_text("{\n" + text + "\n}\n")


main()
