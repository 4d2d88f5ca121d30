"""Checks that networks.py and training.py mean what TensorFlow's own layers mean.

Builds both networks from the layers that the notebook calls (Keras convolutions, the batch norm and
Adam of compat.v1), in float32 and graph mode, gives them the same weights and inputs, and compares.
"""

import numpy as np
import tensorflow as tf

from networks import DISCRIMINATOR, GENERATOR, Pass

v1 = tf.compat.v1
VALUE_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4


def relative(actual, expected):
    return np.linalg.norm(np.asarray(actual, dtype=np.float64) - expected) / np.linalg.norm(expected)


def keras_discriminator(x, training):
    layers = tf.keras.layers
    made = {}

    def convolve(name, x, filters, size):
        made[name] = layers.Conv2D(filters, size, strides=2, padding="same")
        return made[name](x)

    def normalise(name, x):
        return v1.layers.batch_normalization(x, training=training, name=name)

    def leak(x):
        return tf.keras.activations.relu(x, alpha=0.2)

    x = leak(convolve("conv1", x, 32, 5))
    x = leak(normalise("norm2", convolve("conv2", x, 64, 3)))
    x = leak(normalise("norm3", convolve("conv3", x, 128, 2)))
    x = layers.Flatten()(leak(convolve("conv4", x, 128, 2)))
    made["logits"] = layers.Dense(11)
    return made["logits"](x), made


def keras_generator(x, training):
    layers = tf.keras.layers
    made = {}

    def convolve(name, x, filters, size, stride):
        made[name] = layers.Conv2DTranspose(filters, size, strides=stride, padding="valid")
        return made[name](x)

    def normalise(name, x):
        return tf.nn.relu(v1.layers.batch_normalization(x, training=training, name=name))

    x = layers.Reshape((1, 1, 100))(x)
    x = normalise("norm1", convolve("deconv1", x, 100, 2, 1))
    x = normalise("norm2", convolve("deconv2", x, 64, 3, 2))
    x = normalise("norm3", convolve("deconv3", x, 32, 4, 2))
    return tf.tanh(convolve("deconv4", x, 1, 6, 2)), made


def check_network(network, build, run, output, state, x):
    """`state`: float64 tensors with nothing left at 0 or 1; `x`: the input batch."""
    weights = [
        name for name in state if name.startswith(network.name + "/") and "/moving_" not in name
    ]
    variables = {name: tf.constant(value, tf.float64) for name, value in state.items()}
    with tf.GradientTape() as tape:
        for name in weights:
            tape.watch(variables[name])
        one = Pass(variables, network, masks=lambda index, shape: np.ones(shape))
        run(one, tf.constant(x, tf.float64))
        loss = tf.reduce_sum(tf.square(one.outputs[output] - 0.3))
    gradients = [gradient.numpy() for gradient in tape.gradient(loss, [variables[name] for name in weights])]
    gradients = dict(zip(weights, gradients))
    trained_output = one.outputs[output].numpy()
    statistics = [name for name in state if name.startswith(network.name) and "/moving_" in name]
    moved = {name: state[name] for name in statistics}
    one.move(moved)

    evaluated = Pass(variables, network)
    run(evaluated, tf.constant(x, tf.float64))
    evaluated_output = evaluated.outputs[output].numpy()

    with tf.Graph().as_default(), v1.Session() as session:
        images = v1.placeholder(tf.float32, x.shape)
        training = v1.placeholder_with_default(True, ())
        y, made = build(images, training)
        by_name = {}
        for name, layer in made.items():
            by_name[f"{network.name}/{name}/kernel"] = layer.kernel
            by_name[f"{network.name}/{name}/bias"] = layer.bias
        for variable in v1.global_variables():
            layer, part = variable.op.name.split("/")[-2:]
            if layer in network.norms:
                by_name[f"{network.name}/{layer}/{part}"] = variable
        assert set(by_name) == set(weights) | set(moved), set(by_name) ^ (set(weights) | set(moved))
        loss = tf.reduce_sum(tf.square(y - 0.3))
        keras_gradients = dict(zip(weights, v1.gradients(loss, [by_name[name] for name in weights])))
        updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        session.run(v1.global_variables_initializer())
        for name, variable in by_name.items():
            variable.load(state[name].astype(np.float32), session)
        found = session.run(y, {images: x, training: False})
        assert relative(found, evaluated_output) < VALUE_TOLERANCE, "evaluation"
        found, found_gradients = session.run([y, keras_gradients], {images: x})
        assert relative(found, trained_output) < VALUE_TOLERANCE, "training"
        for name in weights:
            # A bias before a batch norm has a gradient of zero, and float32 leaves noise.
            if np.linalg.norm(gradients[name]) > 1e-9:
                assert relative(found_gradients[name], gradients[name]) < GRADIENT_TOLERANCE, name
        session.run(updates, {images: x})
        for name in moved:
            assert relative(session.run(by_name[name]), moved[name]) < VALUE_TOLERANCE, name


def check_adam(parameter, gradients, after):
    """`after`: what training.apply_adam made of `parameter` by `gradients`, in float64."""
    with tf.Graph().as_default(), v1.Session() as session:
        variable = v1.get_variable("parameter", initializer=tf.constant(parameter, tf.float64))
        gradient = v1.placeholder(tf.float64, parameter.shape)
        # Rates given as tensors keep their float64; plain numbers pass through float32.
        rates = [tf.constant(rate, tf.float64) for rate in (1e-3, 0.9, 0.999, 1e-8)]
        update = v1.train.AdamOptimizer(*rates).apply_gradients([(gradient, variable)])
        session.run(v1.global_variables_initializer())
        for value in gradients:
            session.run(update, {gradient: value})
        assert relative(session.run(variable) - parameter, after - parameter) < 1e-12, "Adam"


def check_networks(state, images, latents):
    check_network(DISCRIMINATOR, keras_discriminator, Pass.discriminate, "logits", state, images)
    check_network(GENERATOR, keras_generator, Pass.generate, "tanh", state, latents)
