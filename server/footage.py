"""The last picture of an uploaded film, decoded in a process of its own that can't do or take much.

Run as `python -m server.footage`: a film on stdin, its last frame on stdout.
"""

import io
import os
import resource
import struct
import subprocess
import sys

import numpy as np

from pandora.errors import InvalidImage
from pandora.media import Frame

FORMATS = {b"ftyp": "mov,mp4,m4a,3gp,3g2,mj2", b"\x1a\x45\xdf\xa3": "matroska,webm"}  # by their first bytes
CODECS = ("h264", "hevc", "vp8", "vp9", "av1")
MAX_FRAMES = 3600
MAX_PIXELS = 4096 * 2304  # of a frame, as decoded: a header may say anything
MAX_SECONDS = 20  # of this machine's time
MAX_MEMORY = 2 * 2**30
_SIZE = struct.Struct("<II")


def is_footage(data: bytes) -> bool:
    """Whether the bytes begin as a film of a format that is taken does."""
    return _format(data) is not None


def last_frame(data: bytes) -> Frame:
    """(H, W, 3) uint8. Raises InvalidImage where it is no film, or one that asks for too much."""
    command = [sys.executable, "-m", "server.footage"]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": os.defpath}
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=2 * MAX_SECONDS, check=False, cwd="/", env=environment
        )
    except subprocess.TimeoutExpired:
        raise InvalidImage(f"The film takes more than {MAX_SECONDS} s to decode. Send a shorter one.") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        known = (
            said[-1] if said and said[-1].startswith("The film") else "The film can't be decoded; send H.264 in MP4."
        )
        raise InvalidImage(known)
    height, width = _SIZE.unpack_from(done.stdout)
    return np.frombuffer(done.stdout, np.uint8, offset=_SIZE.size).reshape(height, width, 3).copy()


def _format(data: bytes) -> str | None:
    return next((name for magic, name in FORMATS.items() if magic in (data[:4], data[4:8])), None)


def _decode(data: bytes) -> Frame:
    import av

    last, frames = None, 0
    with av.open(io.BytesIO(data), "r", format=_format(data), options={"protocol_whitelist": "pipe"}) as container:
        if not container.streams.video:
            sys.exit("The film has no picture track.")
        stream = container.streams.video[0]
        if stream.codec_context.name.removeprefix("lib").removesuffix("dav1d") not in (*CODECS, ""):
            sys.exit(f"The film is coded as {stream.codec_context.name}. Send one of {', '.join(CODECS)}.")
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            frames += 1
            if frame.width * frame.height > MAX_PIXELS:
                sys.exit(f"The film has frames of more than {MAX_PIXELS:,} pixels. Shrink it.")
            if frames > MAX_FRAMES:
                sys.exit(f"The film has more than {MAX_FRAMES} frames. Send a shorter one.")
            last = frame
    if last is None:
        sys.exit("The film has no frames.")
    return np.asarray(last.to_ndarray(format="rgb24"), np.uint8)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    frame = _decode(sys.stdin.buffer.read())
    sys.stdout.buffer.write(_SIZE.pack(*frame.shape[:2]) + frame.tobytes())


if __name__ == "__main__":
    main()
