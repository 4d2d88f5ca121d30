"""One step of a recipe from given variables, and TensorFlow 1's Adam on the result."""

from collections import namedtuple

import numpy as np
import tensorflow as tf

import networks
from networks import DISCRIMINATOR, GENERATOR, Pass
from streams import LABELLED, LATENT, UNLABELLED, stream_number

LEARNING_RATE, BETA1, BETA2, ADAM_EPSILON = 1e-3, 0.9, 0.999, 1e-8

# instances: of the discriminator, for the passes labelled, unlabelled, fake.
Recipe = namedtuple("Recipe", "name instances dropout is_gan matches_features moves_statistics")
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("notebook", (0, 0, 0), 0.5, True, False, True),
        # What TensorFlow made of the cells: three discriminators, no dropout, statistics that stay.
        Recipe("notebook-as-run", (0, 1, 2), 0.0, True, False, False),
        Recipe("notebook-feature-matching", (0, 0, 0), 0.5, True, True, True),
        Recipe("labels-only", (0, 0, 0), 0.5, False, False, True),
    )
}

Batch = namedtuple("Batch", "labelled unlabelled latents")


def draw_batch(streams, split, batch, step):
    """Indices into the training set [0.1 b] and [0.9 b], drawn with replacement; latents [b, 100]."""
    labelled, unlabelled = split

    def pick(pool, use, count):
        return pool[streams.indices(stream_number(use), step, count, len(pool))]

    latents = streams.symmetric(stream_number(LATENT), step, batch * networks.LATENT_SIZE)
    return Batch(
        pick(labelled, LABELLED, int(0.1 * batch)),
        pick(unlabelled, UNLABELLED, int(0.9 * batch)),
        latents.reshape(batch, networks.LATENT_SIZE),
    )


def initial_state(recipe, streams):
    count = max(recipe.instances) + 1
    tensors = networks.initial_tensors(DISCRIMINATOR, count, streams)
    if recipe.is_gan:
        tensors |= networks.initial_tensors(GENERATOR, 1, streams)
    return tensors


def is_running(name):
    return "/moving_" in name


def biases_before_norm(names):
    ends = {
        (network.name, f"{layer.name}/bias")
        for network in (DISCRIMINATOR, GENERATOR)
        for layer in network.weighted
        if layer.normed
    }
    return {
        name for name in names
        if any(name.startswith(start) and name.endswith(end) for start, end in ends)
    }


def trained_names(recipe, names):
    """Biases before a norm stay at zero, but for the as-run recipe, which trains them as TensorFlow does."""
    frozen = set() if recipe.name == "notebook-as-run" else biases_before_norm(names)
    return [name for name in names if not is_running(name) and name not in frozen]


# values: `<pass>/<layer>` and metrics; gradients: by parameter; running: statistics after the step;
# zero_scales: for each bias whose gradient is zero in exact arithmetic, the L2 norm over channels of
# the sums of absolute values that cancel in it.
Step = namedtuple("Step", "values gradients running zero_scales")


def compute_step(recipe, state, streams, batch, labels, images, step, dtype):
    """Everything that one step computes from `state` (name to array).

    `images`, `labels`: the whole training set; `batch`: indices into it.
    """
    variables = {name: tf.constant(value, dtype) for name, value in state.items()}
    trained = trained_names(recipe, state)
    passes = {}

    def discriminate(name, x, pass_stream):
        masks = networks.dropout_masks(streams, step, pass_stream, recipe.dropout)
        one = Pass(variables, DISCRIMINATOR, recipe.instances[pass_stream], masks)
        one.discriminate(x)
        passes[name] = one
        return one.outputs

    with tf.GradientTape(persistent=True) as tape:
        for name in trained:
            tape.watch(variables[name])
        labelled = discriminate("labelled", tf.constant(images[batch.labelled], dtype), 0)
        real_labels = labels[batch.labelled]
        supervised = networks.supervised_loss(labelled["logits"], real_labels)
        metrics = {"supervisedLoss": supervised, "discriminatorLoss": supervised}
        if recipe.is_gan:
            unlabelled = discriminate("unlabelled", tf.constant(images[batch.unlabelled], dtype), 1)
            passes["generated"] = Pass(variables, GENERATOR, 0, masks=lambda index, shape: np.ones(shape))
            fake = discriminate("fake", passes["generated"].generate(tf.constant(batch.latents, dtype)), 2)
            real_loss = networks.sigmoid_loss(unlabelled["logits"], 0)
            fake_loss = networks.sigmoid_loss(fake["logits"], 1)
            as_real = networks.sigmoid_loss(fake["logits"], 0)
            matching = networks.feature_matching_loss(fake["features"], unlabelled["features"])
            metrics |= {
                "realUnlabelledLoss": real_loss,
                "fakeLoss": fake_loss,
                "fakeAsRealLoss": as_real,
                "featureMatchingLoss": matching,
                "discriminatorLoss": real_loss + fake_loss + supervised,
                "generatorLoss": matching + as_real if recipe.matches_features else as_real,
            }
    correct = np.argmax(labelled["logits"].numpy(), axis=1) == real_labels
    values = {"trainAccuracy": np.mean(correct)}
    values |= {name: value.numpy() for name, value in metrics.items()}
    gradients, zero_scales = {}, {}
    for network, loss in ((DISCRIMINATOR, "discriminatorLoss"), (GENERATOR, "generatorLoss")):
        mine = [name for name in trained if name.startswith(network.name)]
        if not mine:
            continue
        found = tape.gradient(metrics[loss], [variables[name] for name in mine])
        gradients |= {name: gradient.numpy() for name, gradient in zip(mine, found)}
        for bias in biases_before_norm(mine):
            owner, layer, _ = bias.split("/")
            (one,) = [each for each in passes.values() if each.own == owner]
            terms = tape.gradient(metrics[loss], one.outputs[layer])
            zero_scales[bias] = float(np.linalg.norm(np.sum(np.abs(terms), axis=(0, 1, 2))))
    running = {name: value for name, value in state.items() if is_running(name)}
    for name, one in passes.items():
        values |= {f"{name}/{layer}": output.numpy() for layer, output in one.outputs.items()}
        if recipe.moves_statistics:
            one.move(running)
    return Step(values, gradients, running, zero_scales)


def apply_adam(state, moments, gradients, t, dtype):
    """Update number `t` (1 for the first) of all that has a gradient. Returns new dictionaries."""
    new_state, new_moments = dict(state), dict(moments)
    for name, gradient in gradients.items():
        parameter, m, v = (
            tf.Variable(value, dtype=dtype)
            for value in (state[name], moments[f"adam/m/{name}"], moments[f"adam/v/{name}"])
        )
        tf.raw_ops.ResourceApplyAdam(
            var=parameter.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=tf.constant(BETA1**t, dtype),
            beta2_power=tf.constant(BETA2**t, dtype),
            lr=tf.constant(LEARNING_RATE, dtype),
            beta1=tf.constant(BETA1, dtype),
            beta2=tf.constant(BETA2, dtype),
            epsilon=tf.constant(ADAM_EPSILON, dtype),
            grad=tf.constant(gradient, dtype),
        )
        new_state[name] = parameter.numpy()
        new_moments[f"adam/m/{name}"], new_moments[f"adam/v/{name}"] = m.numpy(), v.numpy()
    return new_state, new_moments


def zero_moments(names):
    """`names`: name to array. Both of Adam's moments for each."""
    return {f"adam/{moment}/{name}": np.zeros_like(value) for name, value in names.items() for moment in "mv"}


def classify(state, images, dtype):
    """Logits [n, 11] of the first discriminator with running statistics, dropout off."""
    variables = {name: tf.constant(value, dtype) for name, value in state.items()}
    return Pass(variables, DISCRIMINATOR).discriminate(tf.constant(images, dtype)).numpy()


def generate(state, latents, dtype):
    """Images [n, 28, 28, 1] with running statistics."""
    variables = {name: tf.constant(value, dtype) for name, value in state.items()}
    return Pass(variables, GENERATOR).generate(tf.constant(latents, dtype)).numpy()
