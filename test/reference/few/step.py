"""One step of a stage in PyTorch, float64: passes, losses, gradients by autograd, PyTorch's own Adam, averages."""

import math

import numpy as np
import torch
import torch.nn.functional as F

import recipe
import states
import streams as random_streams
import views

STREAMS = states.STREAMS
USES = {
    "labelled": random_streams.LABELLED,
    "unlabelled": random_streams.UNLABELLED,
    "landmarks": random_streams.LANDMARK,
    "latents": random_streams.LATENT,
}


def tensor(array):
    return torch.tensor(np.asarray(array, dtype=np.float64))


class World:
    """The data of a case: images as [rows, height, width, channels] in [-1, 1]."""

    def __init__(self, data):
        self.data = data
        (train, self.train_labels), (test, self.test_labels) = states.data_set(data)
        self.train, self.test = states.normalised(train), states.normalised(test)
        self.labelled, self.unlabelled = states.split()
        landmarks = np.concatenate([self.labelled, self.unlabelled])[: recipe.LANDMARKS]
        self.pools = {"labelled": self.labelled, "unlabelled": self.unlabelled, "landmarks": landmarks}


def draw(world, groups, phase, step):
    """By group: `rows` (images or latents), `indices` into the training set, `drawn` from the pool."""
    found = {}
    for number, group in enumerate(groups):
        drawing = [g.name for g in groups if g.pool == group.pool and g.indices_of is None]
        own = drawing.index(group.indices_of or group.name)
        stream = random_streams.stream_number(USES[group.pool], phase, own)
        if group.pool == "latents":
            rows = STREAMS.symmetric(stream, step, group.rows * recipe.LATENTS).reshape(group.rows, -1)
            found[group.name] = {"rows": rows}
            continue
        pool = world.pools[group.pool]
        drawn = STREAMS.indices(stream, step, group.rows, len(pool))
        images = world.train[pool[drawn]]
        if group.view is not None:
            view_stream = random_streams.stream_number(random_streams.VIEW, phase, number)
            images = views.show_all(group.view, STREAMS, view_stream, step, images)
        found[group.name] = {"rows": images, "indices": pool[drawn], "drawn": drawn}
    return found


class Step:
    """What a step computes. `values`: `<pass>/<layer>`, metrics, gradients by their names in the tests."""

    def __init__(self, world, state, stage, step):
        self.world, self.stage, self.step = world, stage, step
        self.scheduled = step - stage.origin
        self.state = dict(state)
        self.roles = {name: role for name, (_, _, role) in recipe.parameters(world.data).items()}
        self.values = {}
        self.dropped = {}
        self.kinks = []

    def run(self):
        groups = recipe.GROUPS[self.stage.kind]
        for phase, own in enumerate(groups):
            self.phase = phase
            self.variables = {name: tensor(value) for name, value in self.state.items()}
            for name, role in self.roles.items():
                self.variables[name].requires_grad_(role == "trained")
            self.drawn = draw(self.world, own, phase, self.step)
            if self.stage.kind == "look":
                self.look()
            elif phase == 0:
                self.learn()
            else:
                self.generate()
        return self

    # Passes

    def images_of(self, group):
        return tensor(self.drawn[group]["rows"])

    def keep(self, name, layer, value):
        self.values[f"{name}/{layer}"] = value.detach().numpy()
        return value

    def kink(self, name, value):
        """Of what has its corner at zero, the values that a rounding error may carry over it."""
        self.kinks.append((name, value.detach().numpy()))
        return value

    def discriminate(self, name, x, pass_stream, *, is_training=True, average=False, until="logits"):
        """`x` [rows, height, width, channels]. Returns the outputs by layer; gradients where `x` or variables have."""
        layers = recipe.DISCRIMINATOR
        prefix = "average/discriminator" if average else "discriminator"

        def part(layer, what):
            return self.variables[f"{prefix}/{layer}/{what}"]

        def stream(use, layer):
            return random_streams.stream_number(use, self.phase, pass_stream, layers.index(layer))

        def dropped(value, layer):
            if not is_training:
                return value
            number = stream(random_streams.DROPOUT, layer)
            mask = STREAMS.dropout_mask(number, self.step, tuple(value.shape), recipe.DROPOUT)
            return value * tensor(mask)

        def convolved(value, layer, groups):
            kernel = part(layer, "kernel").permute(3, 2, 0, 1)
            pads = []
            for size, tap in reversed(list(zip(value.shape[2:], kernel.shape[2:]))):
                total = max((math.ceil(size / 2) - 1) * 2 + tap - size, 0)
                pads += [total // 2, total - total // 2]
            out = F.conv2d(F.pad(value, pads), kernel, part(layer, "bias"), stride=2)
            norm = f"norm{layer[-1]}"
            out = F.group_norm(out, groups, part(norm, "gamma"), part(norm, "beta"), recipe.GROUP_EPSILON)
            return F.leaky_relu(self.kink(f"{name}/{norm}", out), recipe.SLOPE)

        self.keep(name, "input", x)
        if is_training:
            count = x.numel()
            words = STREAMS.words(stream(random_streams.NOISE, "noise"), self.step, count)
            x = x + recipe.NOISE * tensor(random_streams.normal(words)).reshape(x.shape)
        value = convolved(x.permute(0, 3, 1, 2), "conv1", 2)
        value = convolved(value, "conv2", 3)
        # Flattened as [height, width, channels].
        value = dropped(value.permute(0, 2, 3, 1).reshape(len(x), -1), "dropout1")
        value = self.kink(f"{name}/dense", value @ part("dense", "kernel") + part("dense", "bias"))
        features = self.keep(name, "features", F.leaky_relu(value, recipe.SLOPE))
        if until == "features":
            return features
        self.dropped[name] = value = dropped(features, "dropout2")
        value = value @ part("logits", "kernel") + part("logits", "bias")
        return self.keep(name, "logits", value)

    def draw_images(self, name, latents):
        """Generated images [rows, height, width, channels]; moves the running statistics."""
        part = {key: value for key, value in self.variables.items() if key.startswith("generator/")}
        height, width, channels = self.world.data.shape

        def normed(value, layer):
            running = {
                which: part[f"generator/{layer}/moving_{which}"].clone() for which in ("mean", "variance")
            }
            out = F.batch_norm(
                value,
                running["mean"],
                running["variance"],
                part[f"generator/{layer}/gamma"],
                part[f"generator/{layer}/beta"],
                training=True,
                momentum=1 - recipe.MOMENTUM,
                eps=recipe.BATCH_EPSILON,
            )
            for which, moved in running.items():
                key = f"generator/{layer}/moving_{which}"
                self.state[key] = self.values[f"updated/{key}"] = moved.numpy()
            return F.relu(self.kink(f"{name}/{layer}", out))

        def transposed(value, layer, bias):
            kernel = part[f"generator/{layer}/kernel"].permute(3, 2, 0, 1)
            return F.conv_transpose2d(value, kernel, bias, stride=2, padding=1)

        self.keep(name, "input", latents)
        value = normed(latents @ part["generator/dense/kernel"], "norm1")
        value = value.reshape(len(latents), height // 4, width // 4, 4).permute(0, 3, 1, 2)
        value = normed(transposed(value, "deconv2", None), "norm2")
        value = torch.tanh(transposed(value, "deconv3", part["generator/deconv3/bias"]))
        return self.keep(name, "tanh", value.permute(0, 2, 3, 1))

    # Phases

    def metric(self, name, value):
        self.values[name] = value.detach().numpy()
        return value

    def look(self):
        embedded = []
        for number, name in enumerate(("first", "second")):
            features = self.discriminate(name, self.images_of(name), number, until="features")
            kernel, bias = (self.variables[f"projection/embedding/{part}"] for part in ("kernel", "bias"))
            embedded.append(self.keep(f"{name}Embedding", "embedding", features @ kernel + bias))
        rows = len(embedded[0])
        z = F.normalize(torch.cat(embedded), dim=1)
        similarities = (z @ z.T / 0.2).masked_fill(torch.eye(2 * rows, dtype=torch.bool), -math.inf)
        pairs = (torch.arange(2 * rows) + rows) % (2 * rows)
        term = self.metric("contrastiveTerm", F.cross_entropy(similarities, pairs))
        self.update(self.metric("lookLoss", 0.5 * term), ["discriminator", "projection"])

    def learn(self):
        labels = torch.tensor(self.world.train_labels[self.drawn["labelled"]["indices"]])
        labelled = self.discriminate("labelled", self.images_of("labelled"), 0)
        pupil = self.discriminate("pupil", self.images_of("pupil"), 1)
        teacher = self.discriminate(
            "teacher", self.images_of("teacher"), 2, is_training=False, average=True
        ).detach()
        real = self.discriminate("real", self.images_of("real"), 3)
        generated = self.draw_images("generated", self.images_of("latents")).detach()
        fake = self.discriminate("fake", generated, 5)

        supervised = self.metric("supervised", F.cross_entropy(labelled, labels))
        classes = self.world.data.classes
        probabilities = F.softmax(teacher, dim=1)
        sureness, likeliest = probabilities.max(dim=1)
        own = tensor(recipe.thresholds(self.stage.kind, classes))[likeliest]
        self.kink("threshold", sureness - own)
        is_sure = (sureness > own).double()
        self.metric("confidentShare", is_sure.mean())
        taught = probabilities if self.stage.kind == "learn" else F.one_hot(likeliest, classes).double()
        targets = taught * is_sure[:, None]
        if self.stage.kind == "spread":
            stored = self.variables["landmarks/targets"][torch.tensor(self.drawn["pupil"]["drawn"])]
            targets = torch.where(stored.sum(dim=1, keepdim=True) > 0, stored, targets)
        # Rows without a target count as rows.
        pseudo = self.metric("pseudoLabels", -(targets * F.log_softmax(pupil, dim=1)).sum(dim=1).mean())
        seen, made = torch.logsumexp(real, dim=1), torch.logsumexp(fake, dim=1)
        real_term = self.metric("realTerm", (F.softplus(seen) - seen).mean())
        fake_term = self.metric("fakeTerm", F.softplus(made).mean())
        weight = recipe.pseudo_label_weight(self.scheduled)
        loss = supervised + weight * pseudo + 0.5 * real_term + 0.5 * fake_term
        self.values["trainAccuracy"] = np.mean(labelled.detach().numpy().argmax(axis=1) == labels.numpy())
        order = labelled.detach().sort(dim=1, descending=True).values
        self.kink("accuracy", order[:, 0] - order[:, 1])
        self.update(self.metric("discriminatorLoss", loss), ["discriminator"])

    def generate(self):
        drawn = self.draw_images("drawn", self.images_of("latents"))
        self.discriminate("matched", drawn, 1)
        self.discriminate("model", self.images_of("real"), 2)
        matched, model = self.dropped["matched"], self.dropped["model"].detach()
        difference = self.kink("matching", matched.mean(dim=0) - model.mean(dim=0))
        term = self.metric("featureMatching", difference.abs().mean())
        self.update(self.metric("generatorLoss", term), ["generator"])

    # Updates

    def update(self, loss, networks):
        """Descends a loss by all of the networks' parameters that it depends on."""
        for network in networks:
            names = [
                name
                for name, role in self.roles.items()
                if role == "trained" and name.startswith(f"{network}/")
            ]
            sources = [self.variables[name] for name in names]
            found = torch.autograd.grad(loss, sources, retain_graph=True, allow_unused=True)
            for name, gradient in zip(names, found):
                if gradient is None:
                    continue
                prefix = "gradient" if self.phase == 0 else f"gradient@{self.phase}"
                self.values[f"{prefix}/{name}"] = gradient.numpy()
                self.descend(name, gradient, self.stage.optimisers[network])

    def descend(self, name, gradient, adam):
        t = self.scheduled + 1
        parameter = torch.nn.Parameter(tensor(self.state[name]))
        warm_up = min(1, t / adam.warm_up)
        progress = min(self.scheduled, adam.cosine_steps) / adam.cosine_steps
        lr = adam.lr * warm_up * (1 + math.cos(math.pi * progress)) / 2
        # PyTorch adds epsilon to the corrected root, TensorFlow 1 to the root itself.
        epsilon = recipe.EPSILON / math.sqrt(1 - recipe.BETA2**t)
        optimiser = torch.optim.Adam([parameter], lr=lr, betas=(adam.beta1, recipe.BETA2), eps=epsilon)
        optimiser.state[parameter] = {
            "step": torch.tensor(float(t - 1)),
            "exp_avg": tensor(self.state[f"adam/m/{name}"]),
            "exp_avg_sq": tensor(self.state[f"adam/v/{name}"]),
        }
        parameter.grad = gradient.clone()
        optimiser.step()
        self.state[name] = parameter.detach().numpy()
        moments = optimiser.state[parameter]
        self.state[f"adam/m/{name}"] = moments["exp_avg"].numpy()
        self.state[f"adam/v/{name}"] = moments["exp_avg_sq"].numpy()
        average = f"average/{name}"
        if average in self.state:
            rate = (1 - recipe.AVERAGE_DECAY) / (1 - recipe.AVERAGE_DECAY**t)
            self.state[average] = self.state[average] + rate * (self.state[name] - self.state[average])


def evaluate(world, state):
    """Logits of the test images, features of the first five, and generated images, as a run's end has them."""
    step = Step(world, state, recipe.STAGES[1], 3)
    step.phase = 0
    step.variables = {name: tensor(value) for name, value in state.items()}
    found = {}
    images = tensor(world.test)
    for which in ("average", "current"):
        logits = step.discriminate("test", images, 0, is_training=False, average=which == "average")
        found[f"evaluation/{which}/features"] = step.values["test/features"]
        if which == "average":
            found["evaluation/logits"] = logits.numpy()
            found["evaluation/correct"] = np.sum(logits.numpy().argmax(axis=1) == world.test_labels)
    return found
