"""Faces: one person enrolled from one picture, found again in other renderings, followed in a clip, and a stranger.

The portraits travel inside packages: Eileen Collins in scikit-image, Grace Hopper in matplotlib.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageEnhance

from eyebright.core.errors import InputError
from eyebright.core.types import Frame, Image
from eyebright.faces import FaceRecognizer
from eyebright.faces.drawing import draw_identities
from eyebright.faces.watch import Watched, Watcher, draw_followed, presence_of_file
from eyebright.handbook.chapter import Chapter, photographs
from eyebright.media import VideoSink, read_image
from eyebright.viz import html

EILEEN, GRACE = "Eileen Collins", "Grace Hopper"
FRAMES, RATE = 60, 20


def make(out: Path) -> Chapter:
    """Enrol, identify, refuse, watch and forget, with a gallery in `out/faces` that begins empty."""
    folder = out / "faces"
    shutil.rmtree(folder, ignore_errors=True)
    eileen, grace = _portraits()
    faces = FaceRecognizer(out / "home", store=folder / "gallery")
    faces.enroll(EILEEN, [eileen])
    both = _side_by_side(eileen, grace)
    sections = [_found(faces, eileen), _stranger(faces, grace, both), _refused(faces, eileen, both)]
    clip, seen = _watched(faces, both, folder)
    sections += [clip, _forgotten(faces, folder)]
    return Chapter(
        name="faces",
        title="Faces",
        intro=f"{EILEEN} is enrolled from one picture and found in other renderings of it. {GRACE} is a stranger "
        "and is called unknown, until she is enrolled too. All of it on the processor of this machine.",
        parts=sections,
        summary="two people told apart in pictures and in a clip, a stranger stays unknown",
        cover=seen,
    )


def _portraits() -> tuple[Image, Image]:
    """Return the portraits of Eileen Collins and of Grace Hopper.

    Raises:
        InputError: the packages are not installed.
    """
    try:
        from matplotlib import cbook
    except ImportError as error:
        raise InputError(
            f"a portrait of the demo is in a package that is not here: pip install 'eyebright[demo]' ({error})"
        ) from error
    grace = Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return read_image(photographs()["skimage"] / "astronaut.png"), read_image(grace)


def _renderings(portrait: Image) -> dict[str, Image]:
    """Return a picture as other cameras, other light and other hands would give it."""
    picture = PIL.Image.fromarray(portrait)
    width, height = picture.size
    small = picture.resize((width * 2 // 5, height * 2 // 5), PIL.Image.Resampling.LANCZOS)
    made = {
        "two fifths of the size": small,
        "grey": picture.convert("L").convert("RGB"),
        "dusk": PIL.ImageEnhance.Brightness(picture).enhance(0.45),
        "turned by 15 degrees": picture.rotate(15, PIL.Image.Resampling.BICUBIC, fillcolor=(128, 128, 128)),
        "as in a mirror": picture.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT),
    }
    return {name: np.asarray(one, dtype=np.uint8) for name, one in made.items()}


def _found(faces: FaceRecognizer, portrait: Image) -> str:
    figures = [html.figure(portrait, "Enrolled from this picture", accent="query")]
    for name, image in _renderings(portrait).items():
        figures.append(_answered(faces, image, name))
    words = html.paragraph("The enrolled picture, then five renderings of it, none of which is in the gallery.")
    return html.section("Found again", words, html.grid(figures))


def _answered(faces: FaceRecognizer, image: Image, name: str) -> str:
    found = faces.identify(image)
    people = ", ".join(match.person or "unknown" for _, match in found) or "no face found"
    scores = ", ".join(f"distance {1 - match.score:.2f}" for _, match in found)
    good = bool(found) and all(match.person for _, match in found)
    return html.figure(
        draw_identities(image, found), people, detail=f"{name}; {scores}", accent="good" if good else "", longest=400
    )


def _stranger(faces: FaceRecognizer, portrait: Image, both: Image) -> str:
    before = [_answered(faces, portrait, "nobody has enrolled her")]
    faces.enroll(GRACE, [portrait])
    after = [_answered(faces, image, name) for name, image in list(_renderings(portrait).items())[:2]]
    threshold = faces.calibration
    words = html.paragraph(
        f"A face is somebody when its distance is at most {1 - threshold.threshold:.2f}, which one in "
        f"{round(1 / threshold.far)} pairs of different people reaches; else it is unknown. Then she is enrolled."
    )
    return html.section(
        "An honest unknown", words, html.grid([*before, *after, _answered(faces, both, "both in one picture")])
    )


def _refused(faces: FaceRecognizer, portrait: Image, both: Image) -> str:
    blurred = cv2.GaussianBlur(portrait, (0, 0), 5)
    pictures = {
        "dark": (portrait * 0.2).astype(np.uint8),
        "blurred": np.asarray(blurred, dtype=np.uint8),
        "small": np.asarray(cv2.resize(portrait, (150, 150), interpolation=cv2.INTER_AREA), dtype=np.uint8),
        "two people": both,
        "no face": np.full_like(portrait, 128),
        "enrolled already": portrait,
    }
    report = faces.enroll("Somebody", list(pictures.values()))
    figures = [
        html.figure(image, name, detail=refused.why, accent="bad")
        for (name, image), refused in zip(pictures.items(), report.refused, strict=True)
    ]
    return html.section(
        "Pictures that are not enrolled", html.paragraph("Each is refused with its reason."), html.grid(figures)
    )


def _watched(faces: FaceRecognizer, both: Image, folder: Path) -> tuple[str, Image]:
    """Watch a camera that pans over both portraits; return the section and the frame that shows both."""
    clip, events = folder / "clip.avi", folder / "events.jsonl"
    with VideoSink(clip, RATE) as sink:
        for number in range(FRAMES):
            share = number / (FRAMES - 1)
            left, zoom = 320 * share, 1.15 - 0.15 * np.sin(np.pi * share)
            matrix = np.array([[zoom, 0, -zoom * left], [0, zoom, 0]])
            shot = cv2.warpAffine(both, matrix, (640, 480), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            sink.write(Frame(np.asarray(shot, dtype=np.uint8), number, number / RATE, "clip"))
    shots: dict[int, Image] = {}

    def keep(watched: Watched) -> None:
        if watched.frame.index in {FRAMES // 10, FRAMES // 2, FRAMES - 5}:
            shots[watched.frame.index] = draw_followed(watched.frame.image, watched.faces)

    report = Watcher(faces, events=events, on_frame=keep).run(str(clip))
    figures = [html.figure(shot, f"{number / RATE:.2f} s", longest=480) for number, shot in sorted(shots.items())]
    rows = [[s.person, f"{s.from_s:.2f} s", f"{s.to_s:.2f} s"] for s in presence_of_file(events)]
    words = html.paragraph(
        f"A camera pans from one portrait to the other: {FRAMES} frames of 640x480, {report.tracks} faces followed, "
        f"{report.statistics.fps:.0f} frames a second. The names are a vote over the frames of a face."
    )
    body = html.grid(figures, size="wide") + html.table(["who", "from", "to"], rows)
    return html.section("In video", words, body), shots[FRAMES // 2]


def _forgotten(faces: FaceRecognizer, folder: Path) -> str:
    faces.forget(GRACE)
    left = b"".join(path.read_bytes() for path in (folder / "gallery").iterdir())
    gone = "appears in none of the gallery's files" if GRACE.encode() not in left else "is still in the gallery's files"
    people = ", ".join(person.name for person in faces.people())
    log = [[line["at"], line["action"], line["person"] or "", line["count"]] for line in faces.audit()[-6:]]
    words = html.paragraph(
        f"{GRACE} is forgotten: her name {gone}, and {people} is left. The end of the audit log, in which people have "
        "random numbers:"
    )
    return html.section("Forgotten", words, html.table(["when", "what", "who", "faces"], log))


def _side_by_side(one: Image, other: Image) -> Image:
    """Return both portraits in one picture of 960x480 pixels."""
    parts = [cv2.resize(image, (480, 480), interpolation=cv2.INTER_AREA) for image in (one, other[:512])]
    return np.asarray(np.hstack(parts), dtype=np.uint8)
