"""What may happen to pixels on their way: blur and noise as a decoder makes them, in a known amount."""

import numpy as np
from PIL import Image, ImageFilter

from pandora.worlds.base import Frame, Frames


def degrade(frame: Frame, decibel: float, rng: np.random.Generator) -> Frame:
    """Blur, then noise, each with half of the squared error that makes the given PSNR; (H, W, 3) uint8."""
    error = 255**2 / 10 ** (decibel / 10)
    picture, low, high = Image.fromarray(frame), 0.0, 8.0
    for _ in range(12):
        radius = (low + high) / 2
        blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)
        below = np.square(blurred - frame).mean() < error / 2
        low, high = (radius, high) if below else (low, radius)
    blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(low)), dtype=np.float32)
    rest = max(0.0, error - float(np.square(blurred - frame).mean()))
    return (blurred + rng.normal(0.0, rest**0.5, frame.shape)).round().clip(0, 255).astype(np.uint8)


def degrade_all(frames: Frames, decibel: float, rng: np.random.Generator) -> Frames:
    """Each of the frames (T, H, W, 3) uint8 on its own."""
    return np.stack([degrade(frame, decibel, rng) for frame in frames])
