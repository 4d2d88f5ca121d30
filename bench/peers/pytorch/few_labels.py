"""The steps `look` and `learn` of the recipe few-labels in PyTorch, as its users would write them: eager, or with
--compile through torch.compile. Never tuned against.

Layers, rows and amounts are the recipe's own, handed over as JSON. Views, noise and dropout are PyTorch's own draws, so
no loss can be held against an engine's: it is checked alone that every loss is finite.
"""

import gzip
import json
import math
import pathlib
import sys
from functools import partial

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
import yardstick
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

# Of a step that is timed by itself.
LABELLED = 100
GRID = 5


class Noise(nn.Module):
    def __init__(self, deviation):
        super().__init__()
        self.deviation = deviation

    def forward(self, x):
        return x + self.deviation * torch.randn_like(x) if self.training else x


class SamePadding(nn.Module):
    """TensorFlow's "same": the odd pixel at the end."""

    def __init__(self, size, kernel, stride):
        super().__init__()
        total = [max(0, (math.ceil(n / stride) - 1) * stride + k - n) for n, k in zip(size, kernel)]
        (top, bottom), (left, right) = [(n // 2, n - n // 2) for n in total]
        self.sides = (left, right, top, bottom)

    def forward(self, x):
        return F.pad(x, self.sides)


class Network(nn.Module):
    """A network of the recipe."""

    def __init__(self, description):
        super().__init__()
        *size, channels = description["inputShape"]
        shape = (channels, *size)
        layers = {}
        for layer in description["layers"]:
            layers[layer["name"]], shape = modules_of(layer, shape)
            start(layers[layer["name"]], layer.get("start", "glorot"))
        self.layers = nn.ModuleDict(layers)

    def forward(self, x, until=None):
        """The output of the layer `until`, of the last one unless told."""
        for name, layer in self.layers.items():
            x = layer(x)
            if name == until:
                break
        return x


def start(module, kind):
    """Kernels begin uniform, by the rule of He or of Glorot; biases are 0."""
    begin = {"he": partial(nn.init.kaiming_uniform_, nonlinearity="relu"), "glorot": nn.init.xavier_uniform_}
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            begin[kind](part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def modules_of(layer, shape):
    """The module of a layer, and the shape [channels, height, width] or [size] of its output."""
    kind = layer["kind"]
    has_bias = layer.get("bias") == "trained"
    if kind == "gaussianNoise":
        return Noise(layer["deviation"]), shape
    if kind == "conv2d":
        (channels, *size), kernel, stride = shape, layer["kernelSize"], layer["stride"]
        convolution = nn.Conv2d(channels, layer["filters"], kernel, stride, bias=has_bias)
        output = (layer["filters"], *(math.ceil(n / stride) for n in size))
        return nn.Sequential(SamePadding(size, kernel, stride), convolution), output
    if kind == "conv2dTranspose":
        (channels, *size), kernel, stride = shape, layer["kernelSize"], layer["stride"]
        padding = [(k - stride) // 2 if layer["padding"] == "same" else 0 for k in kernel]
        module = nn.ConvTranspose2d(channels, layer["filters"], kernel, stride, padding, bias=has_bias)
        output = [(n - 1) * stride + k - 2 * p for n, k, p in zip(size, kernel, padding)]
        return module, (layer["filters"], *output)
    if kind == "groupNorm":
        return nn.GroupNorm(layer["groups"], shape[0], layer["epsilon"]), shape
    if kind == "batchNorm":
        norm = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
        return norm(shape[0], layer["epsilon"], 1 - layer["momentum"]), shape
    if kind == "dense":
        return nn.Linear(shape[0], layer["units"], bias=has_bias), (layer["units"],)
    if kind == "flatten":
        return nn.Flatten(), (math.prod(shape),)
    if kind == "reshape":
        *size, channels = layer["shape"]
        return nn.Unflatten(1, (channels, *size)), (channels, *size)
    if kind == "dropout":
        return nn.Dropout(layer["rate"]), shape
    if kind == "leakyRelu":
        return nn.LeakyReLU(layer["alpha"]), shape
    if kind == "relu":
        return nn.ReLU(), shape
    if kind == "tanh":
        return nn.Tanh(), shape
    sys.exit(f"pytorch: this yardstick knows no layer of the kind {kind}.")


def uniform(rows, most):
    return (2 * torch.rand(rows) - 1) * most


def show(view, images):
    """Images [rows, channels, height, width] as a view shows them."""
    if view["kind"] == "plain":
        return images
    rows, _, height, width = images.shape
    if view["outside"] != "background" or height != width:
        sys.exit("pytorch: this yardstick's views are of square images on a background.")
    angle, shear = uniform(rows, view["rotation"]), uniform(rows, view["shear"])
    scale, aspect = 1 + uniform(rows, view["scale"]), 1 + uniform(rows, view["aspect"])
    sine, cosine = torch.sin(angle), torch.cos(angle)
    scale_x, scale_y = scale * aspect, scale / aspect
    # Of a square from -1 to 1, as grid_sample has it.
    pixel = 2 / (width - 1)
    shift_x, shift_y = uniform(rows, view["shift"] * pixel), uniform(rows, view["shift"] * pixel)
    across, down = shear * scale_y, scale_y
    affine = torch.stack(
        (
            torch.stack((cosine * scale_x, cosine * across - sine * down, shift_x), 1),
            torch.stack((sine * scale_x, sine * across + cosine * down, shift_y), 1),
        ),
        1,
    )
    grid = F.affine_grid(affine, images.shape, align_corners=True)
    if view["displacement"] > 0:
        knots = view["displacement"] * pixel * torch.randn(rows, 2, GRID, GRID)
        moved = F.interpolate(knots, (height, width), mode="bilinear", align_corners=True)
        grid = grid + moved.permute(0, 2, 3, 1)
    # Zeros outside are the background, which is -1.
    shown = F.grid_sample(images + 1, grid, mode="bilinear", padding_mode="zeros", align_corners=True) - 1
    x, y = torch.arange(width).view(1, 1, width), torch.arange(height).view(1, height, 1)
    if view["cutOut"] > 0:
        corner = torch.randint(0, width - view["cutOut"] + 1, (2, rows, 1, 1))
        in_x, in_y = ((n >= first) & (n < first + view["cutOut"]) for n, first in zip((x, y), corner))
        shown = shown.masked_fill((in_x & in_y).unsqueeze(1), -1)
    if view["stroke"] is not None:
        share = lambda low, high: (low + (high - low) * torch.rand(rows, 1, 1)) * width / 28
        from_x, from_y = x - share(6, 22), y - share(6, 22)
        slope = 0.4 * torch.randn(rows, 1, 1)
        half_length, half_width = share(3, 6), share(0.8, 1.6)
        along = (from_x * torch.cos(slope) + from_y * torch.sin(slope)).clamp(-half_length, half_length)
        distance = torch.hypot(from_x - along * torch.cos(slope), from_y - along * torch.sin(slope))
        ink = (half_width + 0.5 - distance).clamp(0, 1)
        is_drawn = torch.rand(rows, 1, 1) < view["stroke"]["probability"]
        shown = torch.maximum(shown, (2 * ink * is_drawn - 1).unsqueeze(1))
    return shown


def load_images(folder, part):
    with gzip.open(folder / f"{part}-images.gz") as file:
        bytes_ = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / f"{part}-labels.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    images = torch.from_numpy(bytes_.astype(np.float32) / 127.5 - 1)
    return images, torch.from_numpy(labels.astype(np.int64))


class Data:
    """Training images, drawn uniformly; of each pool that is named, only those of its indices."""

    def __init__(self, folder, pools):
        self.images, self.labels = load_images(folder, "train")
        self.pools = pools

    def draw(self, group):
        pool = self.pools.get(group["pool"])
        drawn = torch.randint(0, len(self.images) if pool is None else len(pool), (group["rows"],))
        return drawn if pool is None else pool[drawn]


class Models:
    """The recipe's networks, and the averages of their parameters. The critic is of the stage `draw` alone."""

    def __init__(self, networks):
        self.entries = networks
        self.discriminator = Network(networks["discriminator"]["network"])
        self.projection = Network(networks["projection"]["network"])
        self.generator = Network(networks["generator"]["network"])
        self.average = averaged(self.discriminator, networks["discriminator"])
        self.average.eval()
        self.generator_average = averaged(self.generator, networks["generator"])


class Optimisers:
    """Those of a stage by network, each with its schedule; what goes on from one stage to the next keeps both."""

    def __init__(self):
        self.made = {}

    def of(self, name, parameters, optimiser):
        if name not in self.made:
            betas = (optimiser["beta1"], optimiser["beta2"])
            adam = torch.optim.Adam(parameters, optimiser["lr"], betas, optimiser["epsilon"])
            self.made[name] = adam, torch.optim.lr_scheduler.LambdaLR(adam, factor_of(optimiser["schedule"]))
        return self.made[name]


def factor_of(schedule):
    """The factor of the learning rate by step."""
    warm_up, cosine = schedule["warmUpSteps"], schedule["cosine"]

    def factor(step):
        rise = 1 if warm_up == 0 else min(1, (step + 1) / warm_up)
        if cosine is None:
            return rise
        fall = (1 + math.cos(math.pi * min(1, step / cosine["steps"]))) / 2
        return rise * (cosine["finalShare"] + (1 - cosine["finalShare"]) * fall)

    return factor


def update(loss, optimiser, schedule):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    schedule.step()


def look_step(stage, models, data, optimisers, compiled):
    """Two views of every image have to find each other."""
    (phase,) = stage["phases"]
    first, second = phase["groups"]
    temperature = phase["terms"][0]["temperature"]
    tap = phase["passes"][0]["until"]
    discriminator, projection = models.discriminator, models.projection
    # Of the layers after the features no gradient comes.
    parameters = [*discriminator.parameters(), *projection.parameters()]
    optimiser = optimisers.of("discriminator", parameters, stage["optimiserOf"]["discriminator"])

    def loss_of(images):
        shown = torch.cat((show(first["view"], images), show(second["view"], images)))
        embedded = F.normalize(projection(discriminator(shown, tap)))
        similar = embedded @ embedded.T / temperature
        similar = similar.masked_fill(torch.eye(len(similar), dtype=torch.bool), -math.inf)
        rows = len(images)
        return F.cross_entropy(similar, torch.arange(2 * rows).roll(rows))

    loss_of = compiled(loss_of)

    def step():
        loss = loss_of(data.images[data.draw(first)])
        update(loss, *optimiser)
        models.average.update_parameters(discriminator)
        return [loss]

    return step


def learn_step(stage, models, data, optimisers, compiled, spread=None):
    """Labels, pseudo-labels, real and fake; then the generator. Pseudo-labels are the averaged network's confident ones,
    or, where labels were spread, those of the images: `spread` holds them for all images, [images] int64."""
    judge, make = stage["phases"]
    groups = {group["name"]: group for phase in (judge, make) for group in phase["groups"]}
    terms = {term["name"]: term for phase in (judge, make) for term in phase["terms"]}
    threshold = terms["pseudoLabelLoss"]["teacher"]["threshold"]
    matched = terms["featureMatchingLoss"]["layer"]
    discriminator, generator, average = models.discriminator, models.generator, models.average
    of = stage["optimiserOf"]
    d_optimiser = optimisers.of("discriminator", discriminator.parameters(), of["discriminator"])
    g_optimiser = optimisers.of("generator", generator.parameters(), of["generator"])
    latent_size = models.entries["generator"]["network"]["inputShape"][0]
    classes = models.entries["discriminator"]["network"]["layers"][-1]["units"]
    codes = F.one_hot(torch.arange(groups["latents"]["rows"]) % classes, classes).float()
    latents = lambda: torch.cat((codes, 2 * torch.rand(len(codes), latent_size - classes) - 1), 1)

    def judged_loss(labelled, labels, unlabelled, spread_labels, real):
        with torch.no_grad():
            if spread_labels is None:
                probabilities = average(show(groups["weak"]["view"], unlabelled)).softmax(1)
                sure, guessed = probabilities.max(1)
            fake = generator(latents())
        strong = show(groups["strong"]["view"], unlabelled)
        parts = (show(groups["labelled"]["view"], labelled), strong, real, fake)
        logits = discriminator(torch.cat(parts)).split([len(part) for part in parts])
        if spread_labels is None:
            pseudo = F.cross_entropy(logits[1], guessed, reduction="none") * (sure > threshold)
        else:
            pseudo = F.cross_entropy(logits[1], spread_labels, reduction="none")
        softplus = F.softplus
        real_loss = softplus(-logits[2].logsumexp(1)).mean()
        fake_loss = softplus(logits[3].logsumexp(1)).mean()
        weights = terms["realLoss"]["weight"], terms["fakeLoss"]["weight"]
        return (
            F.cross_entropy(logits[0], labels)
            + pseudo.mean()
            + weights[0] * real_loss
            + weights[1] * fake_loss
        )

    def made_loss(real):
        with torch.no_grad():
            wanted = discriminator(real, matched).mean(0)
        return (discriminator(generator(latents()), matched).mean(0) - wanted).abs().mean()

    judged_loss, made_loss = compiled(judged_loss), compiled(made_loss)

    def step():
        labelled, unlabelled = data.draw(groups["labelled"]), data.draw(groups["strong"])
        d_loss = judged_loss(
            data.images[labelled],
            data.labels[labelled],
            data.images[unlabelled],
            None if spread is None else spread[unlabelled],
            data.images[data.draw(groups["real"])],
        )
        update(d_loss, *d_optimiser)
        average.update_parameters(discriminator)
        g_loss = made_loss(data.images[data.draw(groups["matched"])])
        update(g_loss, *g_optimiser)
        models.generator_average.update_parameters(generator)
        return [d_loss, g_loss]

    return step


def averaged(network, entry):
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(entry["average"]["decay"]))


STEPS = {"look": look_step, "learn": learn_step}


def main():
    parser = yardstick.parser()
    parser.add_argument("--step", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    description = json.loads(options.step.read_text())
    networks = {entry["network"]["name"]: entry for entry in description["networks"]}
    name = "pytorch-compiled" if options.compile else "pytorch"
    compiled = torch.compile if options.compile else lambda function: function
    make = STEPS[description["stage"]["key"]]
    data = Data(options.data, {"labelled": torch.arange(LABELLED)})
    step = make(description["stage"], Models(networks), data, Optimisers(), compiled)
    for loss in step():
        if not torch.isfinite(loss):
            sys.exit(f"{name}: a loss of step 1 is {loss.item()}; not timed.")
    yardstick.time_steps(name, torch.__version__, options, step)


if __name__ == "__main__":
    main()
