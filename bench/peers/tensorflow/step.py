"""The notebook's step in TensorFlow's graph mode, as its users would write it. Never tuned against."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import tensorflow as tf
import yardstick

EPSILON = 1e-3


def norm(x, p, name):
    result, *_ = tf.compat.v1.nn.fused_batch_norm(
        x, p[f"{name}/gamma"], p[f"{name}/beta"], epsilon=EPSILON, is_training=True
    )
    return result


def generator(p, z):
    x = tf.reshape(z, [-1, 1, 1, 100])
    for layer, size, stride in ((1, 2, 1), (2, 5, 2), (3, 12, 2), (4, 28, 2)):
        kernel = p[f"generator/deconv{layer}/kernel"]
        shape = [x.shape[0], size, size, kernel.shape[2]]
        x = tf.nn.conv2d_transpose(x, kernel, shape, stride, "VALID") + p[f"generator/deconv{layer}/bias"]
        if layer < 4:
            x = tf.nn.relu(norm(x, p, f"generator/norm{layer}"))
    return tf.tanh(x)


def convolution(p, name, x):
    return tf.nn.conv2d(x, p[f"discriminator/{name}/kernel"], 2, "SAME") + p[f"discriminator/{name}/bias"]


def drop(x, mask):
    return tf.nn.dropout(x, 0.5) if mask is None else x * mask


def discriminator(p, x, masks=(None, None)):
    x = tf.nn.leaky_relu(drop(convolution(p, "conv1", x), masks[0]), 0.2)
    x = tf.nn.leaky_relu(norm(convolution(p, "conv2", x), p, "discriminator/norm2"), 0.2)
    x = tf.nn.leaky_relu(norm(convolution(p, "conv3", x), p, "discriminator/norm3"), 0.2)
    x = tf.nn.leaky_relu(convolution(p, "conv4", drop(x, masks[1])), 0.2)
    features = tf.reshape(x, [x.shape[0], -1])
    return features @ p["discriminator/logits/kernel"] + p["discriminator/logits/bias"]


def losses(p, batch, latents, masks):
    supervised = discriminator(p, batch["labelled"], masks("labelled"))
    real = discriminator(p, batch["unlabelled"], masks("unlabelled"))[:, -1]
    fake = discriminator(p, generator(p, latents), masks("fake"))[:, -1]

    def sigmoid(logits, target):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), target), logits))

    labels = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["labels"], supervised)
    return sigmoid(real, 0.0) + sigmoid(fake, 1.0) + tf.reduce_mean(labels), sigmoid(fake, 0.0)


def main():
    options = yardstick.arguments()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    arrays, expected = yardstick.load(options.inputs)
    p = {name: tf.Variable(a) for name, a in arrays.items() if name.startswith(("discriminator/", "generator/"))}
    batch = {name: tf.constant(arrays[name]) for name in ("labelled", "unlabelled")}
    batch["labels"] = tf.constant(arrays["labels"].astype("int32"))
    given = lambda segment: (arrays[f"mask1/{segment}"], arrays[f"mask3/{segment}"])
    d_loss, g_loss = tf.function(lambda: losses(p, batch, tf.constant(arrays["latents"]), given))()
    actual = {"discriminatorLoss": float(d_loss), "generatorLoss": float(g_loss)}
    yardstick.check("tensorflow", actual, expected)

    of = lambda network: [variable for name, variable in p.items() if name.startswith(network)]
    d_variables, g_variables = of("discriminator/"), of("generator/")
    moments = {v.ref(): (tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in p.values()}
    powers = tf.Variable(0.9), tf.Variable(0.999)

    @tf.function
    def step():
        latents = tf.random.uniform(arrays["latents"].shape, -1, 1)
        with tf.GradientTape(persistent=True) as tape:
            d_loss, g_loss = losses(p, batch, latents, lambda segment: (None, None))
        variables = d_variables + g_variables
        gradients = tape.gradient(d_loss, d_variables) + tape.gradient(g_loss, g_variables)
        for variable, gradient in zip(variables, gradients):
            m, v = moments[variable.ref()]
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, beta1_power=powers[0], beta2_power=powers[1],
                lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=gradient,
            )
        powers[0].assign(powers[0] * 0.9)
        powers[1].assign(powers[1] * 0.999)
        return d_loss

    yardstick.time_steps("tensorflow", tf.__version__, options, lambda: step().numpy())


main()
