"""Made-up pictures that widen a narrow pool: dead leaves, clouds, gratings, letters.

Pictures without any meaning teach edges, textures, shapes and occlusion: Baradad et al. 2021, "Learning to See by
Looking at Noise" (arXiv 2106.05963), from which the idea of dead leaves with textures is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Random = np.random.Generator
Colour = tuple[int, int, int]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&%@#?!+*"
_SMALLEST, _LARGEST = 0.02, 0.45  # radius of a leaf, as a share of the side
_LEAVES = 140


def generate(side: int, seed: tuple[int, ...]) -> Image.Image:
    """Return a picture of `side` pixels; the same seed gives the same picture."""
    random = np.random.default_rng(seed)
    kinds: tuple[Callable[[int, Random], Image.Image], ...] = (dead_leaves, dead_leaves, clouds, gratings, letters)
    return kinds[int(random.integers(len(kinds)))](side, random)


def dead_leaves(side: int, random: Random) -> Image.Image:
    """Return shapes that lie upon each other, small ones being far more frequent, some of them with a texture."""
    picture = Image.new("RGB", (side, side), _colour(random))
    draw = ImageDraw.Draw(picture)
    palette = [_colour(random) for _ in range(int(random.integers(3, 12)))]
    texture = clouds(side, random)
    power = random.uniform(1.5, 3.0)
    for _ in range(_LEAVES):
        radius = side * _radius(random, power)
        x, y = random.uniform(0, side, 2)
        outline = _shape(x, y, radius, random)
        if random.random() < 0.2:
            mask = Image.new("L", picture.size)
            ImageDraw.Draw(mask).polygon(outline, fill=255)
            picture.paste(texture, (0, 0), mask)
        else:
            draw.polygon(outline, fill=_near(palette[int(random.integers(len(palette)))], random))
    return picture


def clouds(side: int, random: Random) -> Image.Image:
    """Return noise whose spectrum falls as in photographs, in a few colours."""
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    frequency = np.maximum(np.hypot(rows, columns), 1 / side)
    fall = frequency ** -random.uniform(0.7, 2.0)
    spectrum = fall * np.exp(2j * math.pi * random.random((3, *fall.shape)))
    noise = np.fft.irfft2(spectrum, s=(side, side))
    noise = (noise - noise.mean(axis=(1, 2), keepdims=True)) / noise.std(axis=(1, 2), keepdims=True)
    mixed = np.einsum("ck,kyx->yxc", random.normal(0, 0.45, (3, 3)) + np.ones((3, 3)), noise)
    return _picture(128 + random.uniform(20, 45) * mixed + random.uniform(-40, 40, 3))


def gratings(side: int, random: Random) -> Image.Image:
    """Return a few overlaid waves, each in a direction, a colour and under an envelope of its own."""
    y, x = np.mgrid[0:side, 0:side] / side
    pixels = np.zeros((side, side, 3)) + random.uniform(60, 200, 3)
    for _ in range(int(random.integers(1, 5))):
        angle, waves = random.uniform(0, math.pi), 2 ** random.uniform(0.5, 5)
        wave = np.sin(2 * math.pi * waves * (x * math.cos(angle) + y * math.sin(angle)) + random.uniform(0, 6.3))
        if random.random() < 0.5:
            wave = np.sign(wave)
        middle, spread = random.uniform(0, 1, 2), random.uniform(0.1, 1.0)
        envelope = np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * spread**2))
        pixels += (envelope * wave)[:, :, None] * random.uniform(-70, 70, 3)
    return _picture(pixels)


def letters(side: int, random: Random) -> Image.Image:
    """Return letters of many sizes, turned, on a quiet ground."""
    picture = clouds(side, random) if random.random() < 0.5 else Image.new("RGB", (side, side), _colour(random))
    for _ in range(int(random.integers(1, 9))):
        size = int(side * random.uniform(0.12, 0.7))
        tile = Image.new("L", (size, size))
        mark = LETTERS[int(random.integers(len(LETTERS)))]
        ImageDraw.Draw(tile).text((size / 2, size / 2), mark, fill=255, font=_font(size), anchor="mm")
        tile = tile.rotate(random.uniform(-60, 60), Image.Resampling.BILINEAR)
        place = tuple(int(value) for value in random.uniform(-0.2 * size, side - 0.8 * size, 2))
        picture.paste(_colour(random), (place[0], place[1]), tile)
    return picture


def _shape(x: float, y: float, radius: float, random: Random) -> list[tuple[float, float]]:
    corners = int(random.choice([3, 4, 4, 5, 6, 24, 24]))
    stretch, turn = random.uniform(0.4, 1.0), random.uniform(0, math.pi)
    angles = np.arange(corners) * 2 * math.pi / corners
    along, across = radius * np.cos(angles), stretch * radius * np.sin(angles)
    xs, ys = along * math.cos(turn) - across * math.sin(turn), along * math.sin(turn) + across * math.cos(turn)
    return [(x + float(dx), y + float(dy)) for dx, dy in zip(xs, ys, strict=True)]


def _radius(random: Random, power: float) -> float:
    """Return a radius from a power law between the smallest and the largest."""
    low, high = _SMALLEST ** (1 - power), _LARGEST ** (1 - power)
    return float((low + random.random() * (high - low)) ** (1 / (1 - power)))


def _colour(random: Random) -> Colour:
    grey = random.uniform(10, 245)
    red, green, blue = np.clip(grey + random.normal(0, 45, 3), 0, 255).astype(int).tolist()
    return red, green, blue


def _near(colour: Colour, random: Random) -> Colour:
    red, green, blue = np.clip(np.array(colour) + random.normal(0, 12, 3), 0, 255).astype(int).tolist()
    return red, green, blue


def _picture(pixels: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
