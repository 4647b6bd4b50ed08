"""Labelled films: what is cut out of them, in what order, by whom; what is withheld; what can't be used."""

import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from pandora.errors import InvalidConfig, InvalidInput
from pandora.media import save_film
from pandora.training.captioned import ClipBatch, ClipForm, ClipStream, Dropout, Position, Recaptioner, Sample, Skipped
from pandora.training.films import FilmFolder, Label, TarShards, open_films
from pandora.training.shards import read_index
from pandora.types import Frames

FORM = ClipForm(actions=2, frames_per_action=4, fps=8.0, height=16, width=24)
ALWAYS = Dropout(text=0.0, image=0.0, both=0.0)


def film(path: Path, frames: int = 24, shade: int = 0, fps: float = 8.0) -> Path:
    """Frame i is grey of shade + 8 * i."""
    grey = np.arange(frames, dtype=np.uint8)[:, None, None, None] * 8 + shade
    return save_film(path, np.broadcast_to(grey, (frames, 32, 48, 3)).astype(np.uint8), fps)


def shades(frames: Frames) -> list[int]:
    """Which frame of `film` each is."""
    return [round((float(frame.mean())) / 8) for frame in frames]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six good films, one with actions, and three entries that can't be used."""
    folder = tmp_path_factory.mktemp("films")
    lines = []
    for number in range(5):
        film(folder / f"{number}.mp4")
        lines.append({"file": f"{number}.mp4", "caption": f"film {number}"})
    film(folder / "acted.mp4")
    actions = [{"text": "push", "start": 1.0, "end": 1.5}, {"text": "lift", "start": 1.5, "end": 2.0}]
    lines.append({"file": "acted.mp4", "actions": actions})
    film(folder / "short.mp4", frames=5)
    lines.append({"file": "short.mp4", "caption": "too short"})
    lines.append({"file": "missing.mp4", "caption": "not there"})
    lines.append({"file": "../outside.mp4", "caption": "elsewhere"})
    (folder / "films.jsonl").write_text("\n".join([*map(json.dumps, lines), "no json"]) + "\n")
    return folder


def stream(folder: Path, **options: object) -> ClipStream:
    return ClipStream(**({"films": open_films(folder), "form": FORM, "dropout": ALWAYS} | options))  # type: ignore[arg-type]


def test_an_epoch_has_every_film_once_and_names_what_it_skips(folder: Path, tmp_path: Path) -> None:
    skipped = Skipped(tmp_path / "run" / "skipped.jsonl")
    taken = list(islice(stream(folder, skipped=skipped), 12))
    names = [sample.key.split()[-1] for sample, _ in taken]
    good = {"0.mp4", "1.mp4", "2.mp4", "3.mp4", "4.mp4", "acted.mp4"}
    assert set(names[:6]) == set(names[6:]) == good
    assert names[:6] != names[6:], "each epoch has an order of its own"
    assert skipped.count == 4
    lines = (tmp_path / "run" / "skipped.jsonl").read_text().splitlines()
    reasons = {entry["film"].split()[-1]: entry["reason"] for entry in map(json.loads, lines)}
    assert reasons.keys() == {"short.mp4", "missing.mp4", "films.jsonl:9", "films.jsonl:10"}
    assert "shorter than 9 frames at 8 fps" in reasons["short.mp4"]
    assert "outside" in reasons["films.jsonl:9"]
    assert all(sample.frames.shape == (9, 16, 24, 3) for sample, _ in taken)


def test_clips_begin_with_an_action_and_change_with_the_next(folder: Path) -> None:
    acted = next(sample for sample, _ in stream(folder) if sample.key.endswith("acted.mp4"))
    assert shades(acted.frames) in ([*range(8, 17)], [*range(12, 21)])
    expected = ("push", "lift") if shades(acted.frames)[0] == 8 else ("lift", "")
    assert acted.actions == expected, "without an action or a caption nothing is said"
    other = next(sample for sample, _ in stream(folder) if sample.key.endswith("2.mp4"))
    assert other.actions == ("film 2", "film 2")


def test_films_are_resampled(folder: Path) -> None:
    half = replace(FORM, fps=4.0, actions=1)
    for sample, _ in islice(stream(folder, form=half), 6):
        assert set(np.diff(shades(sample.frames))) == {2}


def same(one: Sample, other: Sample) -> bool:
    equal = (one.key, one.actions, one.no_text, one.no_image) == (
        other.key, other.actions, other.no_text, other.no_image
    )  # fmt: skip
    return equal and np.array_equal(one.frames, other.frames)


def test_a_stream_goes_on_where_it_stood(folder: Path) -> None:
    dropout = Dropout(text=0.3, image=0.3, both=0.3)
    whole = list(islice(stream(folder, seed=3, dropout=dropout), 20))
    for stop in (1, 6, 8):
        rest = islice(stream(folder, seed=3, dropout=dropout, start=whole[stop - 1][1], workers=1), 20 - stop)
        assert all(same(a, b) for (a, _), (b, _) in zip(whole[stop:], rest, strict=True))
    other = list(islice(stream(folder, seed=4), 6))
    assert [s.key for s, _ in whole[:6]] != [s.key for s, _ in other]


def test_processes_share_an_epoch(folder: Path) -> None:
    parts = [[s.key for s, p in islice(stream(folder, rank=rank, world=2), 12) if p.epoch == 0] for rank in range(2)]
    assert not set(parts[0]) & set(parts[1])
    assert len(set(parts[0] + parts[1])) == 6


def test_shares_of_what_is_withheld() -> None:
    dropout, rng = Dropout(text=0.1, image=0.2, both=0.3), np.random.default_rng(0)
    drawn = Counter(dropout.draw(rng) for _ in range(20_000))
    for what, share in {(True, False): 0.1, (False, True): 0.2, (True, True): 0.3, (False, False): 0.4}.items():
        assert drawn[what] / 20_000 == pytest.approx(share, abs=0.01)
    with pytest.raises(InvalidConfig, match="together at most 1"):
        Dropout(text=0.5, image=0.5, both=0.5)


def test_what_was_said_before() -> None:
    frames = np.zeros((13, 16, 24, 3), np.uint8)
    batch = ClipBatch.of(
        [Sample("a", frames, ("push", "push", "lift"), False, True), Sample("b", frames, ("", "go", "go"), True, False)]
    )
    assert batch.earlier(0) == [(), ()]
    assert batch.earlier(1) == [(), ("",)]
    assert batch.earlier(2) == [("push",), ("",)]
    assert batch.prompts() == ["push", "push", "lift", "", "", ""]
    assert batch.no_image.tolist() == [True, False]


def test_labels_say_what_is_wrong() -> None:
    for values, words in (
        ({}, "neither a caption nor actions"),
        ({"caption": 3}, "its caption is int"),
        ({"actions": {}}, "no list"),
        ({"actions": [{"text": " ", "start": 0, "end": 1}]}, "not empty"),
        ({"actions": [{"text": "go", "start": 2, "end": 1}]}, "from second 2 to second 1"),
        ({"actions": [{"text": "go", "start": 2}]}, "start and end in seconds"),
        ({"actions": [{"text": "go", "start": 10**400, "end": 2}]}, "start and end in seconds"),
        ({"actions": [{"text": "go \ud800", "start": 0, "end": 1}]}, "UTF-8"),
        ({"caption": "half \ud800"}, "UTF-8"),
    ):
        with pytest.raises(InvalidInput, match=words):
            Label.parse(values)


def test_one_bad_entry_ends_no_run(folder: Path, tmp_path: Path) -> None:
    film(tmp_path / "0.mp4")
    lines = [
        b'{"file": "0.mp4", "caption": "good"}',
        b'{"file": "0.mp4", "caption": "\xff"}',
        b'{"file": "0.mp4", "caption": "\\ud800"}',
        b'{"file": "\\udc80.mp4", "caption": "no name"}',
        b'{"file": "0.mp4", "actions": [{"text": "go", "start": 1' + b"0" * 400 + b', "end": 2}]}',
        b'{"file": "0.mp4", "caption": "told anew"}',
    ]
    (tmp_path / "films.jsonl").write_bytes(b"\n".join(lines))
    anew = tmp_path / "anew"
    anew.write_bytes(b'\xff\n{"film": "films.jsonl:6 0.mp4", "caption": "\\ud800"}\n')
    skipped = Skipped(tmp_path / "skipped.jsonl")
    taken = list(islice(stream(tmp_path, skipped=skipped, recaption=Recaptioner(anew)), 2))
    assert [sample.actions[0] for sample, _ in taken] == ["good", "good"]
    assert {name.split()[0] for name in skipped.names} == {f"films.jsonl:{number}" for number in range(2, 7)}


def test_names_in_a_tar_may_be_any_bytes(folder: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w", errors="surrogateescape") as archive:
        add(archive, "\udcff.mp4", (folder / "0.mp4").read_bytes())
        add(archive, "\udcff.txt", b"named strangely")
    assert next(iter(stream(tmp_path)))[0].actions[0] == "named strangely"


def test_captions_written_anew_are_written_once(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def write(frames: Frames) -> str:
        seen.append(frames.shape)
        return f"caption {len(seen)}"

    kept = tmp_path / "captions.jsonl"
    kept.write_text('{"film": "half a li')
    first = {s.key: s.actions for s, _ in islice(stream(folder, recaption=Recaptioner(kept, write)), 6)}
    assert sorted(actions[0] for key, actions in first.items() if "acted" not in key)[0].startswith("caption")
    assert set(seen) == {(4, 16, 24, 3)}
    assert len(seen) == 6
    again = {s.key: s.actions for s, _ in islice(stream(folder, recaption=Recaptioner(kept)), 6)}
    assert again == first


def add(archive: tarfile.TarFile, name: str, data: bytes, kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.type = (len(data), kind) if kind == tarfile.REGTYPE else (0, kind)
    member.linkname = "/etc/hostname" if kind == tarfile.SYMTYPE else ""
    archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def shards(folder: Path, tmp_path: Path) -> Path:
    """Three shards of two films, and in the first of them what must not be touched."""
    data = (folder / "0.mp4").read_bytes()
    for number in range(3):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as archive:
            add(archive, f"a{number}.mp4", data)
            add(archive, f"a{number}.json", json.dumps({"caption": f"clip {number}"}).encode())
            add(archive, f"b{number}.txt", f"text {number}\n".encode())
            add(archive, f"b{number}.mp4", data)
            if not number:
                add(archive, "../evil.mp4", data)
                add(archive, "/root.mp4", data)
                add(archive, "link.mp4", b"", tarfile.SYMTYPE)
                add(archive, "link.txt", b"no film of its own")
                add(archive, "alone.mp4", data)
                add(archive, "bad.mp4", b"no film at all")
                add(archive, "bad.txt", b"bad")
                add(archive, "notes.md", b"left alone")
    return tmp_path


def test_tar_shards_are_read_in_place(shards: Path) -> None:
    skipped = Skipped()
    films = open_films(shards)
    assert isinstance(films, TarShards)
    taken = [sample for sample, _ in islice(stream(shards, skipped=skipped), 12)]
    expected = {f"clip {n}" for n in range(3)} | {f"text {n}" for n in range(3)}
    assert {sample.actions[0] for sample in taken[:6]} == {sample.actions[0] for sample in taken[6:]} == expected
    assert skipped.names == {
        "0.tar/../evil.mp4", "0.tar//root.mp4", "0.tar/link.mp4", "0.tar/link", "0.tar/alone", "0.tar/bad",
    }  # fmt: skip
    assert sorted(path.name for path in shards.iterdir()) == ["0.tar", "1.tar", "2.tar"]


def test_groups_of_shards_go_on_where_they_stood(shards: Path) -> None:
    def keys(**options: object) -> list[str]:
        return [s.key for s, _ in islice(stream(shards, films=TarShards(shards, pooled=1), **options), 12)]

    whole = [(s.key, p) for s, p in islice(stream(shards, films=TarShards(shards, pooled=1)), 24)]
    for stop in (2, 5, 9):
        assert keys(start=whole[stop - 1][1]) == [key for key, _ in whole[stop : stop + 12]]


def test_broken_tars(shards: Path) -> None:
    data = (shards / "1.tar").read_bytes()
    (shards / "1.tar").write_bytes(data[: len(data) // 2])
    samples, refused = read_index(shards / "1.tar")
    assert len(samples) + len(refused) >= 1
    assert refused
    (shards / "2.tar").write_bytes(b"not a tar")
    films, faults = TarShards(shards, pooled=8).group(0)
    assert "2.tar" in faults
    assert len(films) >= 3


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder of films"):
        open_films(tmp_path / "none")
    with pytest.raises(InvalidInput, match=r"neither \*.tar nor \*.jsonl"):
        open_films(tmp_path)
    (tmp_path / "films.jsonl").write_text('{"file": "gone.mp4", "caption": "x"}\n')
    with pytest.raises(InvalidInput, match="1 were skipped"):
        next(iter(stream(tmp_path)))
    (tmp_path / "films.jsonl").write_text("\n")
    with pytest.raises(InvalidInput, match="No film"):
        next(iter(stream(tmp_path)))
    assert isinstance(open_films(tmp_path), FilmFolder)
    assert Position() == (0, 0, 0)
