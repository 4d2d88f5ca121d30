"""The notebook's two networks, five loss terms and gradients in plain TensorFlow operations.

Variables go by the names that the engines use: `<network instance>/<layer>/<part>`. Layers are
numbered as they stand in each network; the numbers are part of the random streams.
"""

from collections import namedtuple

import numpy as np
import tensorflow as tf

from inputs import CLASSES
from streams import DROPOUT, INITIALISE, glorot_uniform, stream_number

LATENT_SIZE = 100
MOMENTUM = 0.99
EPSILON = 1e-3
LEAK = 0.2

# kernel: [height, width, in, out], of a transposed convolution [height, width, out, in].
# `normed`: a batch norm follows, so the bias has no effect on training and a gradient of zero.
Layer = namedtuple("Layer", "name index kernel normed")
Network = namedtuple("Network", "name index weighted norms")

DISCRIMINATOR = Network(
    name="discriminator",
    index=0,
    weighted=(
        Layer("conv1", 0, (5, 5, 1, 32), False),
        Layer("conv2", 3, (3, 3, 32, 64), True),
        Layer("conv3", 6, (2, 2, 64, 128), True),
        Layer("conv4", 10, (2, 2, 128, 128), False),
        Layer("logits", 13, (512, CLASSES + 1), False),
    ),
    norms={"norm2": 64, "norm3": 128},
)
GENERATOR = Network(
    name="generator",
    index=1,
    weighted=(
        Layer("deconv1", 1, (2, 2, 100, 100), True),
        Layer("deconv2", 4, (3, 3, 64, 100), True),
        Layer("deconv3", 7, (4, 4, 32, 64), True),
        Layer("deconv4", 10, (6, 6, 1, 32), False),
    ),
    norms={"norm1": 100, "norm2": 64, "norm3": 32},
)
# The layers whose outputs go into an activation with a kink at zero.
ACTIVATION_INPUTS = ("dropout1", "norm1", "norm2", "norm3", "conv4")
DROPOUT_INDEX = {"dropout1": 1, "dropout3": 9}


def instance_name(network, instance):
    return network.name if instance == 0 else f"{network.name}_{instance}"


def output_channels(network, layer):
    return layer.kernel[2] if network is GENERATOR else layer.kernel[-1]


def initial_tensors(network, instances, streams):
    """Name to float64 array: Glorot uniform kernels, zero biases, unit scales and variances."""
    tensors = {}
    for instance in range(instances):
        name = instance_name(network, instance)
        for layer in network.weighted:
            stream = stream_number(INITIALISE, network.index, instance, layer.index)
            area = int(np.prod(layer.kernel[:-2]))
            kernel = glorot_uniform(
                streams, stream, layer.kernel, area * layer.kernel[-2], area * layer.kernel[-1]
            )
            tensors[f"{name}/{layer.name}/kernel"] = kernel
            tensors[f"{name}/{layer.name}/bias"] = np.zeros(output_channels(network, layer))
    for norm, channels in network.norms.items():
        tensors[f"{network.name}/{norm}/gamma"] = np.ones(channels)
        tensors[f"{network.name}/{norm}/beta"] = np.zeros(channels)
        tensors[f"{network.name}/{norm}/moving_mean"] = np.zeros(channels)
        tensors[f"{network.name}/{norm}/moving_variance"] = np.ones(channels)
    return tensors


class Pass:
    """One run of a network instance over one batch. Keeps every layer's output and batch statistics.

    `variables`: name to tensor, also the running statistics; `masks`: None in evaluation (which
    normalises with the running statistics), else a function (layer index, shape) to a dropout mask.
    """

    def __init__(self, variables, network, instance=0, masks=None):
        self.variables = variables
        self.own = instance_name(network, instance)
        self.shared = network.name  # batch norm is one for all instances of a network
        self.masks = masks
        self.outputs = {}
        self.moments = {}

    def keep(self, name, value):
        self.outputs[name] = value
        return value

    def weights(self, name):
        return self.variables[f"{self.own}/{name}/kernel"], self.variables[f"{self.own}/{name}/bias"]

    def convolve(self, name, x):
        kernel, bias = self.weights(name)
        return self.keep(name, tf.nn.conv2d(x, kernel, strides=2, padding="SAME") + bias)

    def convolve_transposed(self, name, x, size, stride):
        kernel, bias = self.weights(name)
        shape = (x.shape[0], size, size, kernel.shape[2])
        y = tf.nn.conv2d_transpose(x, kernel, shape, strides=stride, padding="VALID")
        return self.keep(name, y + bias)

    def normalise(self, name, x):
        gamma, beta, moving_mean, moving_variance = (
            self.variables[f"{self.shared}/{name}/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        if self.masks is None:
            mean, variance = moving_mean, moving_variance
        else:
            # Biased here; the moving average takes the estimate with n - 1, see `move`.
            mean = tf.reduce_mean(x, axis=(0, 1, 2))
            variance = tf.reduce_mean(tf.square(x - mean), axis=(0, 1, 2))
            self.moments[name] = (mean, variance, int(np.prod(x.shape[:3])))
        return self.keep(name, gamma * (x - mean) / tf.sqrt(variance + EPSILON) + beta)

    def drop(self, name, x):
        if self.masks is None:
            return self.keep(name, x)
        mask = self.masks(DROPOUT_INDEX[name], tuple(x.shape))
        return self.keep(name, x * tf.constant(mask, x.dtype))

    def leak(self, name, x):
        return self.keep(name, tf.nn.leaky_relu(x, alpha=LEAK))

    def discriminate(self, images):
        """Images [n, 28, 28, 1] to logits [n, 11]."""
        x = self.keep("input", images)
        x = self.leak("leaky1", self.drop("dropout1", self.convolve("conv1", x)))  # [n, 14, 14, 32]
        x = self.leak("leaky2", self.normalise("norm2", self.convolve("conv2", x)))  # [n, 7, 7, 64]
        x = self.leak("leaky3", self.normalise("norm3", self.convolve("conv3", x)))  # [n, 4, 4, 128]
        x = self.leak("leaky4", self.convolve("conv4", self.drop("dropout3", x)))  # [n, 2, 2, 128]
        x = self.keep("features", tf.reshape(x, (x.shape[0], -1)))  # [n, 512]
        kernel, bias = self.weights("logits")
        return self.keep("logits", tf.matmul(x, kernel) + bias)  # [n, 11]

    def generate(self, latents):
        """Latents [n, 100] to images [n, 28, 28, 1]."""
        x = self.keep("input", latents)
        x = tf.reshape(x, (-1, 1, 1, LATENT_SIZE))
        for name, size, stride in (("1", 2, 1), ("2", 5, 2), ("3", 12, 2)):
            x = self.convolve_transposed(f"deconv{name}", x, size, stride)
            x = self.keep(f"relu{name}", tf.nn.relu(self.normalise(f"norm{name}", x)))
        return self.keep("tanh", tf.tanh(self.convolve_transposed("deconv4", x, 28, 2)))  # [n, 28, 28, 1]

    def move(self, statistics):
        """Moves the running statistics (name to array, changed in place) by this pass's batch."""
        for name, (mean, variance, count) in self.moments.items():
            unbiased = variance * count / (count - 1)
            for part, batch in (("moving_mean", mean), ("moving_variance", unbiased)):
                key = f"{self.shared}/{name}/{part}"
                statistics[key] = statistics[key] * MOMENTUM + batch.numpy() * (1 - MOMENTUM)


def dropout_masks(streams, step, pass_stream, rate):
    """Masks of one pass in phase 0: pass streams are labelled 0, unlabelled 1, fake 2, generated 3."""

    def mask(index, shape):
        return streams.dropout_mask(stream_number(DROPOUT, 0, pass_stream, index), step, shape, rate)

    return mask


def sigmoid_loss(logits, target):
    """Mean cross-entropy of the "fake" logit, the last, against a constant target."""
    fake = logits[:, -1]
    targets = tf.fill(fake.shape, tf.constant(target, fake.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=fake))


def supervised_loss(logits, labels):
    targets = tf.one_hot(labels, CLASSES + 1, dtype=logits.dtype)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits))


def feature_matching_loss(features, against):
    difference = tf.reduce_mean(against, axis=0) - tf.reduce_mean(features, axis=0)
    return tf.reduce_mean(tf.square(difference))
