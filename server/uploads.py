"""Pictures that were uploaded and wait to become worlds: few, small, and the oldest goes first."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from pandora.media import Frame, ImageLimits, fit, load_image
from server.errors import UnknownUpload
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


def read_upload(data: bytes, size: int) -> Upload:
    """Decode and crop to `size`; takes a while for large pictures. Raises InvalidImage."""
    pixels = load_image(data, _LIMITS)
    height, width = pixels.shape[:2]
    return Upload(id=secrets.token_urlsafe(16), picture=fit(pixels, size), width=width, height=height, bytes=len(data))


class Uploads:
    """Uploads by id, in memory."""

    def __init__(self, most: int):
        self._most = most
        self._uploads: OrderedDict[str, Upload] = OrderedDict()

    def add(self, upload: Upload) -> None:
        self._uploads[upload.id] = upload
        while len(self._uploads) > self._most:
            self._uploads.popitem(last=False)

    def get(self, upload_id: str) -> Upload:
        """Raises UnknownUpload."""
        try:
            return self._uploads[upload_id]
        except KeyError:
            raise UnknownUpload("There is no such upload, or it is too old. POST /v1/uploads gives a new id.") from None
