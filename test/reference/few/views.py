"""Views of images, written again from their description and with SciPy's sampling: an affine map and a smooth
displacement, a cut-out, a stroke, contrast and brightness.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

import streams as random_streams

WORDS = 68
KNOTS = 5
BACKGROUND = -1.0


@dataclass(frozen=True)
class View:
    rotation: float = 0
    scale: float = 0
    shift: float = 0
    shear: float = 0
    aspect: float = 0
    displacement: float = 0
    cut_out: int = 0
    stroke: float = 0
    brightness: float = 0
    contrast: float = 0
    outside: str = "background"


NOTHING = View()
WEAK = View(rotation=0.1, scale=0.05, shift=1.5, shear=0.05)
STRONG = View(
    rotation=0.25, scale=0.15, shift=2, shear=0.2, aspect=0.1, displacement=0.7, stroke=0.15
)
LOOK = View(
    rotation=0.3, scale=0.2, shift=2, shear=0.25, aspect=0.15, displacement=0.7, cut_out=3, stroke=0.5
)
PHOTOGRAPH = View(
    rotation=0.3,
    shift=3,
    displacement=1,
    cut_out=4,
    stroke=1,
    brightness=0.2,
    contrast=0.3,
    outside="edge",
)
VIEWS = {"nothing": NOTHING, "weak": WEAK, "strong": STRONG, "look": LOOK, "photograph": PHOTOGRAPH}

SAMPLING = {
    # Beyond the image are pixels of the background, between which and the image it is sampled, too.
    "background": {"mode": "grid-constant", "cval": BACKGROUND},
    "edge": {"mode": "nearest"},
}


def uniform(word):
    """[0, 1) from the top 24 bits."""
    return (int(word) >> 8) * 2.0**-24


def sources(view, words, height, width):
    """Where each output pixel is sampled: rows [height, width], columns [height, width]."""
    about = [2 * uniform(word) - 1 for word in words[:8]]
    angle, zoom, shear = view.rotation * about[0], 1 + view.scale * about[1], view.shear * about[2]
    aspect = 1 + view.aspect * about[3]
    turn = Rotation.from_euler("z", angle).as_matrix()[:2, :2]
    slant = np.array([[1, shear], [0, 1]])
    stretch = np.diag([zoom * aspect, zoom / aspect])
    matrix = turn @ slant @ stretch
    y, x = np.mgrid[:height, :width].astype(np.float64)
    centre = np.array([(width - 1) / 2, (height - 1) / 2]).reshape(2, 1, 1)
    moved = np.einsum("ij,jhw->ihw", matrix, np.stack([x, y]) - centre) + centre
    moved += np.array(view.shift * np.array(about[4:6])).reshape(2, 1, 1)
    if view.displacement:
        knots = random_streams.normal(words[16 : 16 + 2 * KNOTS**2]).reshape(KNOTS, KNOTS, 2)
        at = [y * (KNOTS - 1) / (height - 1), x * (KNOTS - 1) / (width - 1)]
        for direction in range(2):
            smooth = map_coordinates(knots[:, :, direction], at, order=1, mode="nearest")
            moved[direction] += view.displacement * smooth
    return moved[1], moved[0]


def ink(view, words, height, width):
    """[height, width] in [0, 1]; None where there is no stroke."""
    if not uniform(words[10]) < view.stroke:
        return None
    side = min(height, width)
    share = [uniform(word) for word in words[11:16]]
    centre = np.array([(6 + 16 * share[0]) / 28 * width, (6 + 16 * share[1]) / 28 * height])
    angle = 0.4 * float(random_streams.normal(words[13]))
    half_length = (3 + 3 * share[3]) / 28 * side
    half_width = (0.8 + 0.8 * share[4]) / 28 * side
    direction = np.array([np.cos(angle), np.sin(angle)])
    y, x = np.mgrid[:height, :width].astype(np.float64)
    # The nearest of the segment's two ends and, where it lies between them, the foot of the perpendicular.
    offset = np.stack([x - centre[0], y - centre[1]], axis=-1)
    along = offset @ direction
    across = np.abs(offset[..., 0] * direction[1] - offset[..., 1] * direction[0])
    ends = [np.linalg.norm(offset - sign * half_length * direction, axis=-1) for sign in (-1, 1)]
    distance = np.where(np.abs(along) <= half_length, across, np.minimum(*ends))
    return np.clip(half_width + 0.5 - distance, 0, 1)


def show(view, words, image):
    """`image` [height, width, channels] in [-1, 1] as a view shows it; `words` [68] uint32 are its own."""
    height, width, channels = image.shape
    at = sources(view, words, height, width)
    sampling = SAMPLING[view.outside]
    shown = np.stack(
        [map_coordinates(image[:, :, c], at, order=1, **sampling) for c in range(channels)], axis=-1
    )
    if view.cut_out:
        left = int(words[8]) * (width - view.cut_out + 1) >> 32
        top = int(words[9]) * (height - view.cut_out + 1) >> 32
        filling = BACKGROUND if view.outside == "background" else 0.0
        shown[top : top + view.cut_out, left : left + view.cut_out] = filling
    stroke = ink(view, words, height, width)
    if stroke is not None:
        shown = np.maximum(shown, 2 * stroke[:, :, np.newaxis] - 1)
    if view.contrast or view.brightness:
        contrast = 1 + view.contrast * (2 * uniform(words[7]) - 1)
        brightness = view.brightness * (2 * uniform(words[6]) - 1)
        shown = np.clip(shown * contrast + brightness, -1, 1)
    return shown


def show_all(view, streams, stream, step, images):
    """[rows, height, width, channels], each row with its own words of the stream."""
    words = streams.words(stream, step, len(images) * WORDS).reshape(len(images), WORDS)
    return np.stack([show(view, own, image) for own, image in zip(words, images)])
