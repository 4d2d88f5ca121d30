"""The notebook's step in eager PyTorch, as its users would write it. Never tuned against."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
import yardstick

EPSILON = 1e-3


def norm(x, p, name):
    return F.batch_norm(x, None, None, p[f"{name}/gamma"], p[f"{name}/beta"], training=True, eps=EPSILON)


def generator(p, z):
    x = z.reshape(-1, 100, 1, 1)
    for layer, stride in ((1, 1), (2, 2), (3, 2)):
        x = F.conv_transpose2d(x, p[f"generator/deconv{layer}/kernel"], p[f"generator/deconv{layer}/bias"], stride)
        x = F.relu(norm(x, p, f"generator/norm{layer}"))
    return torch.tanh(F.conv_transpose2d(x, p["generator/deconv4/kernel"], p["generator/deconv4/bias"], 2))


def convolution(p, name, x, left, right):
    """TensorFlow's "same" padding puts the odd pixel at the end."""
    x = F.pad(x, (left, right, left, right))
    return F.conv2d(x, p[f"discriminator/{name}/kernel"], p[f"discriminator/{name}/bias"], 2)


def drop(x, mask):
    return F.dropout(x, 0.5) if mask is None else x * mask


def discriminator(p, x, masks=(None, None)):
    x = F.leaky_relu(drop(convolution(p, "conv1", x, 1, 2), masks[0]), 0.2)
    x = F.leaky_relu(norm(convolution(p, "conv2", x, 0, 1), p, "discriminator/norm2"), 0.2)
    x = F.leaky_relu(norm(convolution(p, "conv3", x, 0, 1), p, "discriminator/norm3"), 0.2)
    x = F.leaky_relu(convolution(p, "conv4", drop(x, masks[1]), 0, 0), 0.2)
    features = x.permute(0, 2, 3, 1).flatten(1)
    return features @ p["discriminator/logits/kernel"] + p["discriminator/logits/bias"]


def losses(p, batch, masks):
    supervised = discriminator(p, batch["labelled"], masks("labelled"))
    real = discriminator(p, batch["unlabelled"], masks("unlabelled"))[:, -1]
    fake = discriminator(p, generator(p, batch["latents"]), masks("fake"))[:, -1]
    cross_entropy = F.binary_cross_entropy_with_logits
    d_loss = (
        cross_entropy(real, torch.zeros_like(real))
        + cross_entropy(fake, torch.ones_like(fake))
        + F.cross_entropy(supervised, batch["labels"])
    )
    return d_loss, cross_entropy(fake, torch.zeros_like(fake))


def tensors_of(arrays):
    """Parameters in PyTorch's layouts, and the batch as NCHW."""
    parameters = {}
    for name, array in arrays.items():
        if not name.startswith(("discriminator/", "generator/")):
            continue
        tensor = torch.from_numpy(array.copy())
        if tensor.dim() == 4:
            tensor = tensor.permute(3, 2, 0, 1).contiguous()
        parameters[name] = tensor.requires_grad_()
    image = lambda name: torch.from_numpy(arrays[name].copy()).permute(0, 3, 1, 2).contiguous()
    batch = {
        "labelled": image("labelled"),
        "unlabelled": image("unlabelled"),
        "latents": torch.from_numpy(arrays["latents"].copy()),
        "labels": torch.from_numpy(arrays["labels"].copy()).long(),
    }
    given = lambda segment: (image(f"mask1/{segment}"), image(f"mask3/{segment}"))
    return parameters, batch, given


def main():
    options = yardstick.arguments()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    arrays, expected = yardstick.load(options.inputs)
    parameters, batch, given = tensors_of(arrays)
    d_loss, g_loss = losses(parameters, batch, given)
    actual = {"discriminatorLoss": d_loss.item(), "generatorLoss": g_loss.item()}
    yardstick.check("pytorch", actual, expected)

    of = lambda network: [tensor for name, tensor in parameters.items() if name.startswith(network)]
    d_parameters, g_parameters = of("discriminator/"), of("generator/")
    d_optimiser = torch.optim.Adam(d_parameters, 1e-3)
    g_optimiser = torch.optim.Adam(g_parameters, 1e-3)
    fresh = lambda segment: (None, None)

    def step():
        d_loss, g_loss = losses(parameters, batch, fresh)
        d_gradients = torch.autograd.grad(d_loss, d_parameters, retain_graph=True)
        g_gradients = torch.autograd.grad(g_loss, g_parameters)
        for tensor, gradient in zip(d_parameters + g_parameters, d_gradients + g_gradients):
            tensor.grad = gradient
        d_optimiser.step()
        g_optimiser.step()
        batch["latents"] = torch.rand(batch["latents"].shape) * 2 - 1

    yardstick.time_steps("pytorch", torch.__version__, options, step)


main()
