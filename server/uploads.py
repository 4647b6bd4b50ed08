"""Pictures and films that wait to become worlds: few, and the oldest of who has the most goes first."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from pandora.media import Frame, ImageLimits, fit, load_image
from server.errors import UnknownUpload
from server.footage import is_footage, last_frame
from server.limits import MAX_IMAGE_PIXELS, MAX_UPLOAD_BYTES

_LIMITS = ImageLimits(max_bytes=MAX_UPLOAD_BYTES, max_pixels=MAX_IMAGE_PIXELS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Upload:
    """A picture as the model takes it, (H, W, 3) uint8, and what it was when it came."""

    id: str
    picture: Frame
    width: int
    height: int
    bytes: int


def read_upload(data: bytes, size: tuple[int, int]) -> Upload:
    """Decode a picture, or the last one of a film, and crop it to `size` (height, width). Raises InvalidImage."""
    pixels = last_frame(data) if is_footage(data) else load_image(data, _LIMITS)
    height, width = pixels.shape[:2]
    return Upload(id=secrets.token_urlsafe(16), picture=fit(pixels, size), width=width, height=height, bytes=len(data))


class Uploads:
    """Uploads by owner and id, in memory. Nobody can push out the uploads of those who have fewer."""

    def __init__(self, most: int):
        self._most = most
        self._uploads: dict[str, OrderedDict[str, Upload]] = {}

    def add(self, owner: str, upload: Upload) -> None:
        self._uploads.setdefault(owner, OrderedDict())[upload.id] = upload
        while sum(map(len, self._uploads.values())) > self._most:
            greedy = max(self._uploads, key=lambda owner: len(self._uploads[owner]))
            self._uploads[greedy].popitem(last=False)
            if not self._uploads[greedy]:
                del self._uploads[greedy]

    def get(self, owner: str, upload_id: str) -> Upload:
        """Raises UnknownUpload, also for uploads of others."""
        try:
            return self._uploads[owner][upload_id]
        except KeyError:
            raise UnknownUpload("There is no such upload, or it is too old. POST /v1/uploads gives a new id.") from None
