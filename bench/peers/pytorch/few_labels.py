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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
import yardstick
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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
    """A network of the recipe; gives its output, and that of the layer `tap`."""

    def __init__(self, description, tap=None):
        super().__init__()
        *size, channels = description["inputShape"]
        shape = (channels, *size)
        layers = []
        for layer in description["layers"]:
            module, shape = modules_of(layer, shape)
            layers.append(module)
        self.layers = nn.ModuleList(layers)
        names = [layer["name"] for layer in description["layers"]]
        self.tapped = names.index(tap) if tap is not None else None

    def forward(self, x):
        tapped = None
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index == self.tapped:
                tapped = x
        return x, tapped

    def until_tap(self, x):
        for layer in self.layers[: self.tapped + 1]:
            x = layer(x)
        return x


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


def load_images(folder):
    with gzip.open(folder / "train-images.gz") as file:
        bytes_ = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / "train-labels.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    images = torch.from_numpy(bytes_.astype(np.float32) / 127.5 - 1)
    return images, torch.from_numpy(labels.astype(np.int64))


class Data:
    def __init__(self, folder):
        self.images, self.labels = load_images(folder)

    def draw(self, group):
        pool = LABELLED if group["pool"] == "labelled" else len(self.images)
        return torch.randint(0, pool, (group["rows"],))


def adam(parameters, optimiser):
    betas = (optimiser["beta1"], optimiser["beta2"])
    return torch.optim.Adam(parameters, optimiser["lr"], betas, optimiser["epsilon"])


def look_step(stage, networks, data, compiled):
    """Two views of every image have to find each other."""
    (phase,) = stage["phases"]
    first, second = phase["groups"]
    temperature = phase["terms"][0]["temperature"]
    discriminator = Network(networks["discriminator"]["network"], "features")
    projection = Network(networks["projection"]["network"])
    average = averaged(discriminator, networks["discriminator"])
    used = [p for layer in discriminator.layers[: discriminator.tapped + 1] for p in layer.parameters()]
    optimiser = adam([*used, *projection.parameters()], networks["discriminator"]["optimiser"])

    def loss_of(images):
        shown = torch.cat((show(first["view"], images), show(second["view"], images)))
        embedded = F.normalize(projection(discriminator.until_tap(shown))[0])
        similar = embedded @ embedded.T / temperature
        similar = similar.masked_fill(torch.eye(len(similar), dtype=torch.bool), -math.inf)
        rows = len(images)
        return F.cross_entropy(similar, torch.arange(2 * rows).roll(rows))

    loss_of = compiled(loss_of)

    def step():
        loss = loss_of(data.images[data.draw(first)])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.update_parameters(discriminator)
        return [loss]

    return step


def averaged(network, entry):
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(entry["average"]["decay"]))


def learn_step(stage, networks, data, compiled):
    """Labels, confident pseudo-labels of the averaged network, real and fake; then the generator."""
    judge, make = stage["phases"]
    groups = {group["name"]: group for phase in (judge, make) for group in phase["groups"]}
    terms = {term["name"]: term for phase in (judge, make) for term in phase["terms"]}
    threshold = terms["pseudoLabelLoss"]["teacher"]["threshold"]
    discriminator = Network(networks["discriminator"]["network"], terms["featureMatchingLoss"]["layer"])
    generator = Network(networks["generator"]["network"])
    average = averaged(discriminator, networks["discriminator"])
    average.eval()
    d_optimiser = adam(discriminator.parameters(), networks["discriminator"]["optimiser"])
    g_optimiser = adam(generator.parameters(), networks["generator"]["optimiser"])
    latent_size = networks["generator"]["network"]["inputShape"][0]
    classes = networks["discriminator"]["network"]["layers"][-1]["units"]
    codes = F.one_hot(torch.arange(groups["latents"]["rows"]) % classes, classes).float()
    latents = lambda: torch.cat((codes, 2 * torch.rand(len(codes), latent_size - classes) - 1), 1)
    generator_average = averaged(generator, networks["generator"])

    def judged_loss(labelled, labels, unlabelled, real):
        with torch.no_grad():
            probabilities = average(show(groups["weak"]["view"], unlabelled))[0].softmax(1)
            sure, guessed = probabilities.max(1)
            fake = generator(latents())[0]
        strong = show(groups["strong"]["view"], unlabelled)
        parts = (show(groups["labelled"]["view"], labelled), strong, real, fake)
        logits = discriminator(torch.cat(parts))[0].split([len(part) for part in parts])
        pseudo = F.cross_entropy(logits[1], guessed, reduction="none") * (sure > threshold)
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
            wanted = discriminator(real)[1].mean(0)
        return (discriminator(generator(latents())[0])[1].mean(0) - wanted).abs().mean()

    judged_loss, made_loss = compiled(judged_loss), compiled(made_loss)

    def step():
        labelled = data.draw(groups["labelled"])
        d_loss = judged_loss(
            data.images[labelled],
            data.labels[labelled],
            data.images[data.draw(groups["strong"])],
            data.images[data.draw(groups["real"])],
        )
        d_optimiser.zero_grad()
        d_loss.backward()
        d_optimiser.step()
        average.update_parameters(discriminator)
        g_loss = made_loss(data.images[data.draw(groups["matched"])])
        g_optimiser.zero_grad()
        g_loss.backward()
        g_optimiser.step()
        generator_average.update_parameters(generator)
        return [d_loss, g_loss]

    return step


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
    step = make(description["stage"], networks, Data(options.data), compiled)
    for loss in step():
        if not torch.isfinite(loss):
            sys.exit(f"{name}: a loss of step 1 is {loss.item()}; not timed.")
    yardstick.time_steps(name, torch.__version__, options, step)


main()
