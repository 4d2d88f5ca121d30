"""The small recipe of test/support/few-recipe.ts, written again: what is drawn, run, lost and updated, by stage."""

from dataclasses import dataclass, field

import streams as random_streams
import views

FEATURES, EMBEDDING, LATENTS = 8, 5, 6
LABELLED, UNLABELLED, LANDMARKS = 6, 20, 14
TRAIN, TEST = 40, 10
SEED = 31
AVERAGE_DECAY = 0.9
BETA2, EPSILON = 0.999, 1e-3
MOMENTUM, BATCH_EPSILON, GROUP_EPSILON = 0.9, 1e-3, 1e-5
SLOPE = 0.1
NOISE, DROPOUT = 0.1, 0.3


@dataclass(frozen=True)
class Data:
    shape: tuple
    classes: int


DATA = (Data((12, 8, 1), 3), Data((8, 12, 3), 4))

# Layers by their number in the network, which streams are told apart by.
DISCRIMINATOR = (
    "noise conv1 norm1 leaky1 conv2 norm2 leaky2 flatten dropout1 dense features dropout2 logits".split()
)
GENERATOR = "dense norm1 relu1 reshape deconv2 norm2 relu2 deconv3 tanh".split()


def kernels(data):
    """Shape, fan-in and fan-out of each kernel, by network and layer; He where fan-out is None."""
    height, width, channels = data.shape
    start = height // 4 * (width // 4)
    return {
        "discriminator/conv1": ((5, 5, channels, 4), 25 * channels, None),
        "discriminator/conv2": ((3, 3, 4, 6), 36, None),
        "discriminator/dense": ((start * 6, FEATURES), start * 6, None),
        "discriminator/logits": ((FEATURES, data.classes), FEATURES, data.classes),
        "projection/embedding": ((FEATURES, EMBEDDING), FEATURES, EMBEDDING),
        "generator/dense": ((LATENTS, start * 4), LATENTS, None),
        "generator/deconv2": ((4, 4, 3, 4), 64, 48),
        "generator/deconv3": ((4, 4, channels, 3), 48, 16 * channels),
    }


NETWORKS = {"discriminator": DISCRIMINATOR, "projection": ["embedding"], "generator": GENERATOR}


def parameters(data):
    """Name to (shape, stream and limit's fans or None, role), in order."""
    found = {}
    for number, (network, layers) in enumerate(NETWORKS.items()):
        for index, layer in enumerate(layers):
            name = f"{network}/{layer}"
            if name in kernels(data):
                shape, *fans = kernels(data)[name]
                stream = random_streams.stream_number(random_streams.INITIALISE, number, 0, index)
                found[f"{name}/kernel"] = (shape, (stream, *fans), "trained")
                size = shape[2] if layer.startswith("deconv") else shape[-1]
                # A batch norm follows: the bias stays at zero.
                role = "frozen" if name in ("generator/dense", "generator/deconv2") else "trained"
                found[f"{name}/bias"] = ((size,), None, role)
            elif layer.startswith("norm"):
                before = kernels(data)[f"{network}/{layers[index - 1]}"][0]
                size = before[2] if layers[index - 1].startswith("deconv") else before[-1]
                for part in ("gamma", "beta"):
                    found[f"{name}/{part}"] = ((size,), None, "trained")
                if network == "generator":
                    for part in ("moving_mean", "moving_variance"):
                        found[f"{name}/{part}"] = ((size,), None, "running")
    found["landmarks/targets"] = ((LANDMARKS, data.classes), None, "frozen")
    return found


@dataclass(frozen=True)
class Group:
    name: str
    pool: str
    rows: int
    view: views.View | None = None
    indices_of: str | None = None


@dataclass(frozen=True)
class Adam:
    lr: float
    beta1: float
    cosine_steps: int
    warm_up: int = 2


@dataclass(frozen=True)
class Stage:
    first: int
    origin: int
    is_fresh: bool
    kind: str
    optimisers: dict = field(default_factory=dict)


USUAL = {"discriminator": Adam(2e-3, 0.9, 7), "projection": Adam(2e-3, 0.9, 3), "generator": Adam(2e-3, 0.5, 7)}
STAGES = (
    Stage(0, 0, True, "look", {**USUAL, "discriminator": Adam(4e-3, 0.8, 3)}),
    Stage(3, 3, True, "spread", USUAL),
    Stage(5, 3, False, "spread", USUAL),
    Stage(7, 3, False, "learn", USUAL),
)

LOOK_GROUPS = (
    Group("first", "unlabelled", 6, views.LOOK),
    Group("second", "unlabelled", 6, views.PHOTOGRAPH, "first"),
)
GENERATOR_GROUPS = (Group("latents", "latents", 5), Group("real", "unlabelled", 4))


def discriminator_groups(pool, pupil, teacher):
    return (
        Group("labelled", "labelled", 4, views.WEAK),
        Group("pupil", pool, 7, pupil),
        Group("teacher", pool, 7, teacher, "pupil"),
        Group("real", "unlabelled", 5),
        Group("latents", "latents", 4),
    )


GROUPS = {
    "look": (LOOK_GROUPS,),
    "spread": (discriminator_groups("landmarks", views.STRONG, views.NOTHING), GENERATOR_GROUPS),
    "learn": (discriminator_groups("unlabelled", views.PHOTOGRAPH, views.WEAK), GENERATOR_GROUPS),
}


def thresholds(kind, classes):
    """By class."""
    if kind == "learn":
        return [0.25 + 0.6 / classes] * classes
    return [0.28 + 0.7 / classes - 0.03 * label for label in range(classes)]


def pseudo_label_weight(scheduled):
    """From 0.5 to 1.5 in the two updates after the first."""
    return 0.5 + min(1, max(0, (scheduled - 1) / 2))
