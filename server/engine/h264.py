"""The frames of one clip as H.264: a key frame and what changes, one access unit a frame, nothing held back."""

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

QUALITY = 20  # x264's constant rate factor: 0 is lossless, 23 its default


class H264Clip:
    """An encoder for one clip, so that every clip can be decoded by itself: after a fork, a rewind or a lost clip."""

    def __init__(self, height: int, width: int, fps: float):
        self._encoder = av.CodecContext.create("libx264", "w")
        assert isinstance(self._encoder, av.VideoCodecContext)
        self._encoder.width, self._encoder.height = width, height
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.framerate = Fraction(fps).limit_denominator(1000)
        self._encoder.thread_count = 1
        self._encoder.options = {
            "preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "crf": str(QUALITY), "bframes": "0",
        }  # fmt: skip
        self._encoded = 0

    def encode(self, frame: NDArray[np.uint8]) -> bytes:
        """(H, W, 3) uint8, of even height and width -> one access unit as Annex B has it."""
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture.pts = self._encoded
        self._encoded += 1
        return b"".join(bytes(packet) for packet in self._encoder.encode(picture))
