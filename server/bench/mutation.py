"""What nobody in their right mind would send: values, texts, bytes, and JSON that is nearly right."""

import json
import random
import re
from copy import deepcopy
from typing import Any
from urllib.parse import quote

_NUMBERS = (-1, 0, 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308)
_TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e\u2066", "\uffff", "🂡" * 40, "é" * 501,
    "a" * 70_000, "../../../../etc/passwd", "..\\..\\config.json", "%00", "%2e%2e%2f", "' OR 1=1; --", "{{7*7}}",
    "<script>alert(1)</script>", "\r\nX-Injected: 1", "nan", "-0", "9" * 5000, "٣", "²", "True", "null", "[]", "local",
)  # fmt: skip
_LITERALS = (
    b"9" * 5000, b"-" + b"9" * 400, b"1e400", b"-1E+99999", b"NaN", b"Infinity", b"0x10", b"01", b"1.", b"tru", b"\xff",
    b"'a'", b'"\\u12"', b'"\\ud800"', b'"\\x00"', b"{}{}", b"[" * 400, b"[" * 30_000, b'{"a":' * 12_000, b"/* */", b"",
)  # fmt: skip
_HEADERS = (
    b"", b" ", b"\xff\xfe", b"\xe9\xb2\xb3", b"a" * 8000, b"*", b"*/*;q=nan", b"0", b"-1", b"9" * 400, b"\xb2",
    b"http://[", b"http://[::1", b"//", b"null", b"http://localhost:99999999", b"localhost:", b"[", b"bytes=0-,0-,0-",
    b"bytes=-1", b"bytes=9999999999999999999999-", b"Bearer", b"Bearer " + b"x" * 4000, b"Basic \xff",
    b"gzip, deflate, br, identity;q=0", b"application/x-www-form-urlencoded", b"text/html",
    b"application/json; charset=utf-7", b"multipart/form-data", b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=x; charset=undefined", b"multipart/form-data; boundary=\xff",
    b"00-" + b"f" * 32 + b"-" + b"0" * 16 + b"-ff", b"Mon, 99 Foo 0000", b'"', b'W/"', b"%s%n", b"\t", b"\x01",
)  # fmt: skip
_NAMES = (
    b"Accept", b"Accept-Encoding", b"Accept-Language", b"Authorization", b"Content-Encoding", b"Content-Type",
    b"Cookie", b"Host", b"Idempotency-Key", b"If-Match", b"If-Modified-Since", b"If-None-Match", b"If-Range", b"Origin",
    b"Range", b"Referer", b"Sec-Fetch-Site", b"Traceparent", b"Tracestate", b"User-Agent", b"X-Forwarded-For",
    b"X-Forwarded-Proto", b"X-HTTP-Method-Override", b"X-Request-ID", b"Baggage", b"Forwarded", b"TE", b"Via",
)  # fmt: skip
_MOST_BYTES = 2**20  # of JSON; more than is taken anywhere


class Mutator:
    """Everything that it makes follows from `dice`."""

    def __init__(self, dice: random.Random):
        self._dice = dice

    def scalar(self) -> Any:
        """A value that fits no field."""
        others = (None, True, False, [], {}, [[]], {"": None}, [None] * 40, ["wait"] * 40, {"a" * 500: 1})
        return deepcopy(self._dice.choice(self._dice.choice((_NUMBERS, _TEXTS, others))))

    def value(self, value: Any) -> Any:
        """The same with something changed in one to three places."""
        changed = deepcopy(value)
        for _ in range(self._dice.randint(1, 3)):
            changed = self._change(changed)
        return changed

    def as_json(self, value: Any) -> bytes:
        """JSON of a value that was changed, or a text that is no JSON any more."""
        data = json.dumps(self.value(value) if self._dice.random() < 0.85 else value).encode()
        fate = self._dice.random()
        if fate < 0.12:
            places = [*re.finditer(rb'-?\d+|"[^"]*"|null|true|false', data)] or [re.match(b"", data)]
            if (place := self._dice.choice(places)) is not None:
                data = data[: place.start()] + self._dice.choice(_LITERALS) + data[place.end() :]
        elif fate < 0.2:
            data = self.spoil(data)
        elif fate < 0.23:
            data = self._dice.choice((data.decode().encode("utf-16"), b"\xef\xbb\xbf" + data, data + b"\0", data * 2))
        return data[:_MOST_BYTES]

    def spoil(self, data: bytes) -> bytes:
        """The same with bytes flipped, cut out, doubled or overwritten."""
        changed = bytearray(data)
        for _ in range(self._dice.randint(1, 8)):
            at = self._dice.randrange(len(changed)) if changed else 0
            size = self._dice.choice((1, 1, 2, 4, 16, 200))
            match self._dice.randrange(5):
                case 0 if changed:
                    changed[at] ^= 1 << self._dice.randrange(8)
                case 1:
                    changed[at : at + size] = self._dice.randbytes(size)
                case 2:
                    del changed[at : at + size]
                case 3:
                    changed[at:at] = changed[at : at + size] * self._dice.randint(1, 4)
                case _:
                    changed[at : at + 4] = self._dice.choice(
                        (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0")
                    )
        if self._dice.random() < 0.1:
            del changed[self._dice.randrange(len(changed) + 1) :]
        return bytes(changed)

    def word(self) -> str:
        """For a path or a query, quoted or not."""
        if self._dice.random() < 0.3:
            words = (
                "..",
                "%2e%2e",
                "..%2f..%2fetc%2fpasswd",
                "%00",
                "%ff",
                "%ED%A0%80",
                "%",
                "%zz",
                "//",
                ";a=b",
                "*",
                "~",
            )
            return self._dice.choice(words)
        value = self._dice.choice(_NUMBERS if self._dice.random() < 0.5 else _TEXTS)
        return quote(str(value)[:6000].encode("utf-8", "surrogatepass"), safe="")

    def header(self) -> tuple[bytes, bytes]:
        return self._dice.choice(_NAMES), self.header_value()

    def header_value(self) -> bytes:
        return self._dice.choice(_HEADERS)

    def _change(self, node: Any) -> Any:
        """Descend at random, and change what is there."""
        if isinstance(node, dict) and node and self._dice.random() < 0.8:
            name = self._dice.choice(list(node))
            match self._dice.randrange(8):
                case 0:
                    del node[name]
                case 1:
                    node[str(self.scalar())[:100]] = self.scalar()
                case _:
                    node[name] = self._change(node[name])
            return node
        if isinstance(node, list) and node and self._dice.random() < 0.8:
            at = self._dice.randrange(len(node))
            node[at] = self._change(node[at])
            return node * self._dice.choice((1, 1, 1, 40))
        if isinstance(node, str) and self._dice.random() < 0.3:
            return node + self._dice.choice(_TEXTS)
        return self._nested(node) if self._dice.random() < 0.1 else self.scalar()

    def _nested(self, node: Any) -> Any:
        for _ in range(self._dice.choice((1, 10, 300))):
            node = [node] if self._dice.random() < 0.5 else {"a": node}
        return node
