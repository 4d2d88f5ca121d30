"""The recipe few-labels, or few-labels-fast, in eager PyTorch, from its first step on, as its users would write it: until the
test images are read as well as is asked for, or to the end of `learn`, where they are read too. Never tuned against. Prints
a line of JSON for each evaluation.

The labelled images are those of the engine's run; other draws are PyTorch's own. Trust in spread labels is not measured:
all serve, which on MNIST is what the engine decides too.
"""

import argparse
import json
import pathlib
import time
import warnings

import torch
import torch.nn.functional as F
from few_labels import Data, Models, Optimisers, STEPS, load_images

# What PyTorch says of its sparse matrices being new.
warnings.filterwarnings("ignore", message="Sparse")

# As src/worker/spread/ has them.
NEAREST = 12
POWER = 10
KEPT = 0.99
ROUNDS = 60
SLICE = 1000


def neighbours(unit):
    """Indices and cosines of each row's nearest others, [rows, 12] both; `unit`: [rows, size], of length 1."""
    found = []
    for first in range(0, len(unit), SLICE):
        cosines = unit[first : first + SLICE] @ unit.T
        own = torch.arange(len(cosines))
        cosines[own, first + own] = -1
        found.append(cosines.topk(NEAREST))
    return torch.cat([indices for _, indices in found]), torch.cat([cosines for cosines, _ in found])


def normalised_graph(indices, cosines):
    """D^-1/2 W D^-1/2 of weights max(cosine, 0)^10, symmetrised by the larger; sparse, [rows, rows]."""
    count = len(indices)
    row, column = torch.arange(count).repeat_interleave(NEAREST), indices.flatten()
    weights = cosines.flatten().clamp(min=0) ** POWER
    keys, places = torch.unique(torch.cat((row * count + column, column * count + row)), return_inverse=True)
    largest = torch.zeros(len(keys)).scatter_reduce(0, places, torch.cat((weights, weights)), "amax")
    row, column = keys // count, keys % count
    degree = torch.zeros(count).index_add(0, row, largest)
    scale = degree.clamp(min=1e-30).rsqrt()
    values = largest * scale[row] * scale[column]
    return torch.sparse_coo_tensor(torch.stack((row, column)), values, (count, count)).to_sparse_csr()


def spread_labels(network, layer, data, classes):
    """A label for every image that is a landmark, [images] int64; others have -1."""
    landmarks = data.pools["landmarks"]
    was_training = network.training
    network.eval()
    with torch.no_grad():
        features = torch.cat([network(data.images[rows], layer) for rows in landmarks.split(SLICE)])
    network.train(was_training)
    graph = normalised_graph(*neighbours(F.normalize(features)))
    given = F.one_hot(data.labels[data.pools["labelled"]], classes).float()
    begin = torch.zeros(len(landmarks), classes)
    begin[: len(given)] = given / given.sum(0)
    values = begin
    for _ in range(ROUNDS):
        values = KEPT * (graph @ values) + (1 - KEPT) * begin
    spread = torch.full((len(data.images),), -1)
    spread[landmarks] = values.argmax(1)
    return spread


def accuracy(average, images, labels):
    with torch.no_grad():
        read = torch.cat([average(rows).argmax(1) for rows in images.split(SLICE)])
    return (read == labels).float().mean().item()


def labelled_and_others(labelled, images, count):
    """The labelled images first, then others at random, `count` in all."""
    is_labelled = torch.zeros(images, dtype=torch.bool)
    is_labelled[labelled] = True
    order = torch.randperm(images)
    return torch.cat((labelled, order[~is_labelled[order]]))[:count]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    asked = json.loads(options.run.read_text())
    torch.manual_seed(asked["seed"])
    networks = {entry["network"]["name"]: entry for entry in asked["networks"]}
    labelled = torch.tensor(asked["labelled"])
    data = Data(options.data, {"labelled": labelled})
    tests = load_images(options.data, "test")
    print(json.dumps({"version": torch.__version__}), flush=True)

    began = time.perf_counter()
    landmarks = asked["landmarks"]
    data.pools["landmarks"] = labelled_and_others(labelled, len(data.images), landmarks["count"])
    models, optimisers = Models(networks), Optimisers()
    classes = networks["discriminator"]["network"]["layers"][-1]["units"]
    done = 0
    steps = sum(stage["steps"] for stage in asked["stages"])
    for stage in asked["stages"]:
        key, before = stage["key"], stage["before"]
        if stage["optimisers"] == "fresh":
            optimisers = Optimisers()
        make, more = STEPS["look" if key == "look" else "learn"], {}
        if before is not None:
            network = models.average if before["parameters"] == "average" else models.discriminator
            more["spread"] = spread_labels(network, landmarks["layer"], data, classes)
        step = make(stage, models, data, optimisers, lambda function: function, **more)
        for _ in range(stage["steps"]):
            step()
            done += 1
            is_due = done % asked["evalEvery"] == 0 or done == steps
            if key == "look" or not is_due:
                continue
            right = accuracy(models.average, *tests)
            line = {"step": done, "accuracy": right, "seconds": time.perf_counter() - began}
            print(json.dumps(line), flush=True)
            if right >= asked["reach"]:
                return


if __name__ == "__main__":
    main()
