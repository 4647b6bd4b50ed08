"""Tar shards in the WebDataset layout, written whole and read in place.

Members that share a name up to its first dot make one sample:

    clips-000.tar:  0001.mp4  0001.json  0002.mp4  0002.txt  …

Nothing is unpacked. An index of the headers says where each member lies, so samples are read in any order.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from pandora.errors import InvalidInput

FILMS = ("mp4", "webm", "mkv", "mov", "avi", "gif")
_MOST_LABEL_BYTES = 1_000_000


@dataclass(frozen=True)
class TarSample:
    """One film and its label, inside a shard."""

    shard: Path
    key: str  # shard's name/name in it
    film_at: tuple[int, int]  # offset and bytes
    label_at: tuple[int, int]
    label_kind: str  # json or txt

    def film(self) -> BinaryIO:
        """The film's bytes, as an open file."""
        return io.BytesIO(self._read(self.film_at))

    def label(self) -> Mapping[str, Any]:
        """{"caption"} or {"actions"}. Raises InvalidInput."""
        if self.label_at[1] > _MOST_LABEL_BYTES:
            raise InvalidInput(f"its label has {self.label_at[1]:,} bytes; at most {_MOST_LABEL_BYTES:,} are read")
        try:
            text = self._read(self.label_at).decode()
            values = {"caption": text.strip()} if self.label_kind == "txt" else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"its label is no {self.label_kind}: {error}") from error
        if not isinstance(values, dict):
            raise InvalidInput("its label is no JSON object")
        return values

    def _read(self, at: tuple[int, int]) -> bytes:
        offset, size = at
        with self.shard.open("rb") as file:
            file.seek(offset)
            return file.read(size)


@dataclass(frozen=True)
class NewSample:
    """A film and its label that are to be written."""

    key: str  # without a dot, as that ends the part of a name that samples share
    film: bytes  # an MP4 file
    label: Mapping[str, Any]


def write_shard(path: Path, samples: Iterable[NewSample]) -> None:
    """A tar of `key.mp4` and `key.json`. It appears whole or not at all; the same samples give the same bytes."""
    part = path.with_suffix(".part")
    with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as archive:
        for sample in samples:
            label = json.dumps(sample.label, ensure_ascii=False).encode()
            for kind, data in (("mp4", sample.film), ("json", label)):
                member = tarfile.TarInfo(f"{sample.key}.{kind}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    os.replace(part, path)


def read_index(shard: Path) -> tuple[list[TarSample], dict[str, str]]:
    """The samples of an uncompressed tar, in its order, and by name what can't be used and why.

    A member with an unsafe name (absolute, or leading out of the archive), and one that is no plain file, is never
    read. Members of unknown kinds are left alone. Raises InvalidInput where the file is no uncompressed tar.
    """
    parts: dict[str, dict[str, tuple[int, int]]] = {}
    refused: dict[str, str] = {}
    size = shard.stat().st_size
    try:
        with tarfile.open(shard, "r:", encoding="utf-8") as archive:
            for member in archive:
                if member.isdir():
                    continue
                if reason := _fault(member, size):
                    refused[f"{shard.name}/{member.name}"] = reason
                    continue
                path = PurePosixPath(member.name)
                stem, _, kind = path.name.partition(".")
                key = (path.parent / stem).as_posix()
                parts.setdefault(key, {})[kind.lower()] = (member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        if not parts:
            raise InvalidInput(f"{shard} is no uncompressed tar: {error}") from error
        refused[shard.name] = f"it breaks off: {error}"
    samples = []
    for key, members in parts.items():
        film = next((kind for kind in FILMS if kind in members), None)
        label = next((kind for kind in ("json", "txt") if kind in members), None)
        name = f"{shard.name}/{key}"
        if film and label:
            samples.append(TarSample(shard, name, members[film], members[label], label))
        elif film or label:
            refused[name] = f"it has no {'label (.json or .txt)' if film else 'film'}"
    return samples, refused


def samples(shard: Path) -> Iterator[TarSample]:
    """The episodes of a shard, in its order. Raises InvalidInput where one can't be used."""
    found, refused = read_index(shard)
    if refused:
        name, reason = next(iter(refused.items()))
        raise InvalidInput(f"{name} in {shard.parent}: {reason}. Delete {shard.name} and make it again.")
    yield from found


def _fault(member: tarfile.TarInfo, size: int) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\0" in member.name or "\\" in member.name:
        return "its name leads out of the archive"
    if not member.isreg() or member.issparse():
        return "it is no plain file"
    if member.offset_data + member.size > size:
        return "the archive ends before it does"
    return ""
