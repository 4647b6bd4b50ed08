"""Answers that go on for a while: one JSON object a line."""

from fastapi.responses import StreamingResponse

from server.openapi import LINES


class Lines(StreamingResponse):
    """JSON objects, one a line."""

    media_type = LINES
