"""`eyebright faces enroll, identify, verify, calibrate`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._image_files import JsonOption, Problems, print_json
from eyebright.cli.models import given_home

if TYPE_CHECKING:
    from eyebright.core.types import Frame
    from eyebright.faces import EnrollReport, FaceRecognizer, Identification

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Where the gallery is (default: faces/ in the home).")
]
EmbedderOption = Annotated[
    str, typer.Option("--embedder", help="Model of the catalogue, or path of an ONNX file; a gallery belongs to one.")
]
DetectorOption = Annotated[str, typer.Option("--detector", help="Model of the catalogue, or path of an ONNX file.")]
MinFaceOption = Annotated[int, typer.Option("--min-face", metavar="PX", help="Smallest face that is looked for.")]


def recognizer(context: typer.Context, store: Path | None, **options: Any) -> FaceRecognizer:
    """Return the recogniser of the given home and store."""
    from eyebright.faces import FaceRecognizer

    return FaceRecognizer(given_home(context), store=store, **options)


def enroll(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="NAME IMAGES...", help="Name, then pictures or folders.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="ROOT", help="A folder that holds a folder a person.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take poor pictures, and the largest of several faces.")
    ] = False,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 40,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol people; a picture that is refused is told with the reason."""
    from eyebright.core.errors import InputError

    given = words or []
    if folder is not None and given:
        raise InputError("enroll: expected NAME IMAGES... or --folder ROOT, got both")
    if folder is None and len(given) < 2:
        raise InputError("enroll: expected NAME IMAGES..., or --folder ROOT")
    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face)
    report = faces.enroll_folder(folder, force=force) if folder else faces.enroll(given[0], given[1:], force=force)
    show_report(report, as_json)
    if not faces.encrypted and report.count and not as_json:
        note(
            "names, vectors and face pictures are kept unencrypted; set EYEBRIGHT_FACES_KEY before the first enrolment "
            "to seal them"
        )
    if not report.count:
        raise typer.Exit(2)


def identify(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="IMAGES|FOLDER|VIDEO...", help="Pictures, folders or videos.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write pictures with the answers drawn.")
    ] = None,
    keep_unknown: Annotated[
        bool, typer.Option("--keep-unknown", help="Keep unknown faces, to be named later.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", help="Of a video, look at one frame in so long.")
    ] = 1.0,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 40,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who is in pictures, folders or videos: a person with score and margin, or unknown."""
    from eyebright.media import encode_image

    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face)
    problems = Problems()
    answers: list[dict[str, Any]] = []
    written: set[str] = set()
    rate = faces.fpir
    people = len(faces.people())
    for name, frame in _frames(inputs, every, problems):
        found = faces.identify(frame.image, keep_unknown=keep_unknown)
        answers.append({"source": name, "faces": [plain(one) for one in found]})
        if not as_json:
            _print_faces(name, found)
        if out is not None:
            from eyebright.faces.drawing import draw_identities

            out.mkdir(parents=True, exist_ok=True)
            (out / _free_name(name, written)).write_bytes(encode_image(draw_identities(frame.image, found), "png"))
    calibration = faces.calibration
    if as_json:
        print_json({
            "pictures": answers, "fpir": rate, "far": calibration.far, "threshold": calibration.threshold,
            "calibrated_on": calibration.source, "people": people, "problems": problems.lines,
        })  # fmt: skip
    else:
        typer.echo(
            f"works at a false-positive identification rate of {rate:.2%} with {people} people enrolled "
            f"(FAR {calibration.far:g} a comparison, threshold {calibration.threshold:.3f} from {calibration.source}); "
            "no liveness check"
        )
    problems.finish(len(answers))


def verify(
    context: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="A", help="A picture.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 40,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether the largest faces of two pictures show one person."""
    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face)
    found = faces.verify(first, second)
    if as_json:
        print_json(found._asdict())
    else:
        answer = "the same person" if found.same else "different people"
        typer.echo(
            f"{answer}: probability {found.probability:.3f}, score {found.score:.3f} (threshold {found.threshold:.3f} "
            f"from {faces.calibration.source})"
        )


def calibrate(
    context: typer.Context,
    far: Annotated[float, typer.Option("--far", help="False accept rate of one comparison.")] = 1e-3,
    embedder: EmbedderOption = "dlib_resnet",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the threshold from the gallery's own pairs of different people."""
    faces = recognizer(context, store, embedder=embedder)
    found = faces.calibrate(far)
    if as_json:
        print_json({**found._asdict(), "fpir": faces.fpir})
        return
    typer.echo(
        f"threshold {found.threshold:.4f} (95 % of resamples of people: {found.low:.4f} to {found.high:.4f}) at a "
        f"false accept rate of {found.far:g}, from {found.impostor_pairs} pairs of {found.people} people; a stranger "
        f"is taken for somebody at a rate of {faces.fpir:.2%} in this gallery"
    )


def plain(one: Identification) -> dict[str, Any]:
    """Return an answer as JSON has it."""
    face, match = one
    quality = face.quality._asdict()
    return {
        "box": [round(float(value), 1) for value in face.box],
        "landmarks": [[round(float(value), 1) for value in point] for point in face.landmarks],
        "confidence": round(face.confidence, 4),
        "person": match.person if match.person is not None else "unknown",
        "known": match.person is not None,
        "score": _finite(match.score),
        "margin": _finite(match.margin),
        "probability": round(match.probability, 4),
        "nearest": match.nearest,
        "runner_up": match.runner_up,
        "quality": {
            name: list(value) if isinstance(value, tuple) else round(value, 3) for name, value in quality.items()
        },
    }


def show_report(report: EnrollReport, as_json: bool) -> None:
    """Print what was enrolled and what was refused."""
    if as_json:
        print_json({
            "added": report.added, "count": report.count,
            "refused": [{"source": one.source, "why": one.why} for one in report.refused],
        })  # fmt: skip
        return
    for name, sources in report.added.items():
        typer.echo(f"{name}: {len(sources)} enrolled")
    for one in report.refused:
        typer.echo(f"refused {one.source}: {one.why}", err=True)


def note(text: str) -> None:
    """Tell something besides the answer."""
    typer.echo(f"note: {text}", err=True)


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _free_name(source: str, written: set[str]) -> str:
    """Return a file name for what is drawn of a picture or of a moment of a video; no two are the same."""
    file, _, moment = source.partition("@")
    stem = Path(file).stem + (f"_{moment}" if moment else "")
    name, number = stem, 1
    while name in written:
        number += 1
        name = f"{stem}_{number}"
    written.add(name)
    return f"{name}.png"


def _print_faces(name: str, found: list[Identification]) -> None:
    if not found:
        typer.echo(f"{name}: no face")
    for face, match in found:
        place = ",".join(f"{value:.0f}" for value in face.box)
        if match.nearest is None:
            typer.echo(f"{name}: unknown at {place} (nobody is enrolled)")
            continue
        margin = "" if math.isinf(match.margin) else f", margin {match.margin:.3f}"
        who = match.person or f"unknown (nearest {match.nearest})"
        typer.echo(f"{name}: {who} at {place}, score {match.score:.3f}{margin}, probability {match.probability:.3f}")


def _frames(inputs: list[str], every: float, problems: Problems) -> Iterator[tuple[str, Frame]]:
    """Yield pictures, and a frame of videos in every so many seconds, by their names."""
    from eyebright.media import display_path
    from eyebright.pipeline.batches import shots

    due: dict[str, float] = {}
    for shot in shots(inputs, problems.add):
        frame = shot.frame
        name = display_path(frame.source)
        if not shot.video:
            yield name, frame
        elif frame.time_s >= due.get(name, 0.0):
            due[name] = frame.time_s + every
            yield f"{name}@{frame.time_s:.2f}s", frame
