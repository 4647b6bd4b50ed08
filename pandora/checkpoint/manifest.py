"""manifest.json: size and sha256 of every file of a weights folder, so that a damaged copy is found before it runs."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pandora.errors import InvalidCheckpoint

MANIFEST = "manifest.json"
_PROSE = "README.md"  # a word mended in the model card doesn't make other weights
_SHOWN = ("measured", "gallery")  # nor does measuring them again, or showing them
_WEIGHTS = (".safetensors", ".json")
_BESIDE = ("scenes/", "novelty.safetensors")  # where worlds begin, and what is said of that
_EXPERTS = "experts"  # a folder of weights each, for other worlds


def write_manifest(folder: str | Path) -> dict[str, dict[str, int | str]]:
    """Record every file below the folder as it is now; call it again after adding some.

    Of an expert the weights that it belongs to are recorded anew as well.
    """
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _counts(path.relative_to(folder)))
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in files
    }
    draft = folder / f".{MANIFEST}.draft"
    draft.write_text(json.dumps({"files": entries}, indent=2) + "\n")
    draft.replace(folder / MANIFEST)
    if folder.parent.name == _EXPERTS and (folder.parent.parent / MANIFEST).exists():
        write_manifest(folder.parent.parent)
    return entries


def read_manifest(folder: str | Path) -> dict[str, dict[str, int | str]]:
    """File name -> {"bytes", "sha256"}. Raises InvalidCheckpoint."""
    path = Path(folder) / MANIFEST
    try:
        files = json.loads(path.read_text())["files"]
        for name, entry in files.items():
            if not _leads_inside(name) or type(entry["bytes"]) is not int or type(entry["sha256"]) is not str:
                raise ValueError(f"{name!r} needs a name inside the folder, a whole number of bytes and a sha256")
        return files
    except FileNotFoundError as error:
        raise InvalidCheckpoint(
            f"{folder} has no {MANIFEST}, so it is not a folder of weights. Give one such as weights/pandora-small."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidCheckpoint(f"{path} can't be read as a manifest: {error}. Fetch the folder again.") from error


def verify(folder: str | Path) -> None:
    """Compare every file with the manifest. Raises InvalidCheckpoint, which names each file that differs."""
    folder, faults = Path(folder), []
    for name, entry in read_manifest(folder).items():
        path = folder / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif path.stat().st_size != entry["bytes"]:
            faults.append(f"{name} has {path.stat().st_size:,} bytes instead of {entry['bytes']:,}")
        elif _sha256(path) != entry["sha256"]:
            faults.append(f"{name} has another sha256")
    if faults:
        raise InvalidCheckpoint(f"{folder} is damaged: {'; '.join(faults)}. Fetch the folder again.")


def experts(folder: str | Path) -> dict[str, Path]:
    """The folders of weights inside a folder of weights, by name, in order."""
    places = [PurePosixPath(name) for name in sorted(read_manifest(folder)) if name.startswith(f"{_EXPERTS}/")]
    return {place.parts[1]: Path(folder) / place.parent for place in places if place.match(f"{_EXPERTS}/*/{MANIFEST}")}


def fingerprint(folder: str | Path) -> str:
    """One sha256 over what decides the frames: config, weights and tokenizer; not start pictures, nor what judges.

    That of the folder's own parts: each of its `experts` has one as well.
    """
    entries = read_manifest(folder)
    beside = (*_BESIDE, f"{_EXPERTS}/")
    decisive = [name for name in sorted(entries) if name.endswith(_WEIGHTS) and not name.startswith(beside)]
    return hashlib.sha256("\n".join(f"{name} {entries[name]['sha256']}" for name in decisive).encode()).hexdigest()


def joint_fingerprint(own: str, of_experts: Mapping[str, str]) -> str:
    """One sha256 for weights whose own is `own` and for those of their experts, by name."""
    return hashlib.sha256("\n".join((own, *(f"{name} {one}" for name, one in of_experts.items()))).encode()).hexdigest()


def _leads_inside(name: str) -> bool:
    return not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts and "\0" not in name


def _counts(path: Path) -> bool:
    inside = Path(*path.parts[2:]) if path.parts[0] == _EXPERTS else path
    return path != Path(MANIFEST) and path.name != _PROSE and inside.parts[:1] not in [(name,) for name in _SHOWN]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
