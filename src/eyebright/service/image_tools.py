"""The classic toolbox as a table: what each tool is called, what it is told, and the function that does it.

The verbs and their parameters are those of `eyebright image`.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eyebright import imaging
from eyebright.core.errors import InputError
from eyebright.imaging import Picture
from eyebright.media import VideoSource
from eyebright.service.image_parameters import (
    Clahe,
    Convolve,
    Crop,
    Denoise,
    Deshadow,
    Edges,
    FindKeypoints,
    Flow,
    Gamma,
    Letterbox,
    Match,
    Motion,
    Normalise,
    Nothing,
    Pool,
    Pyramid,
    Resize,
    Scenes,
    Stereo,
    Tiles,
)

Result = Picture | dict[str, Any] | dict[str, Picture]
"""A picture, facts, or pictures by file name."""

MAX_PIXELS = 25_000_000
"""Of a picture given to a tool, and of what a tool makes: some tools take seconds for each million."""
_MOST_TILES = 4096
_VIDEO_FRAMES = 20_000


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """One verb.

    Attributes:
        name: as on the command line.
        summary: what it does.
        parameters: what it is told.
        run: called with the pictures and the parameters.
        takes: names of the uploads; `files` are several with names that say their place.
        gives: `picture`, `facts`, `pictures` (as a ZIP archive), or `either` (as the parameter `draw` says).
    """

    name: str
    summary: str
    parameters: type[Nothing]
    run: Callable[[Sequence[Picture], Any], Result]
    takes: tuple[str, ...] = ("image",)
    gives: Literal["picture", "facts", "pictures", "either"] = "picture"


def _one(change: Callable[[Picture, Any], Picture]) -> Callable[[Sequence[Picture], Any], Result]:
    return lambda pictures, asked: change(pictures[0], asked)


def _resize(image: Picture, asked: Resize) -> Picture:
    if (asked.longest is None) == (asked.width is None and asked.height is None):
        raise InputError("resize: expected longest, or width and height, or one of these two")
    if asked.longest is not None:
        return imaging.fit_within(image, asked.longest)
    width, height = imaging.proportional_size(image, asked.width, asked.height)
    _check_area(width, height)
    return imaging.resize(image, width, height, asked.interpolation)


def _letterbox(image: Picture, asked: Letterbox) -> Picture:
    _check_area(asked.width, asked.height)
    return imaging.letterboxed(image, asked.width, asked.height, fill=asked.fill)


def _crop(image: Picture, asked: Crop) -> Picture:
    x1, y1, x2, y2 = _numbers(asked.box, "box", 4)
    return imaging.crop(image, (x1, y1, x2, y2))


def _tiles(pictures: Sequence[Picture], asked: Tiles) -> Result:
    size = (asked.height, asked.width)
    rows, columns = pictures[0].shape[:2]
    step = max(1, asked.width - asked.overlap), max(1, asked.height - asked.overlap)
    if math.ceil(columns / step[0]) * math.ceil(rows / step[1]) > _MOST_TILES:
        raise InputError(f"tiles: more than {_MOST_TILES}; make them larger or let them overlap less")
    return {f"tile_{part.x}_{part.y}.png": part.image for part in imaging.cut_tiles(pictures[0], size, asked.overlap)}


def join(names: Sequence[str], pictures: Sequence[Picture]) -> Picture:
    """Put tiles together again that are named `NAME_X_Y.png`.

    Raises:
        InputError: a name without a place, or tiles that would make too large a picture.
    """
    parts = [imaging.tile_from_file(name, picture)[1] for name, picture in zip(names, pictures, strict=True)]
    _check_area(
        max(part.x + part.image.shape[1] for part in parts), max(part.y + part.image.shape[0] for part in parts)
    )
    return imaging.join_tiles(parts)


def _edges(image: Picture, asked: Edges) -> Picture:
    return imaging.edges(image, asked.method, low=asked.low, high=asked.high, sigma=asked.sigma)  # type: ignore[arg-type]  # `learned` has its own way


def _keypoints(image: Picture, asked: FindKeypoints) -> Picture:
    found = imaging.find_keypoints(image, asked.method, asked.limit)  # type: ignore[arg-type]  # checked there
    return imaging.draw_keypoints(image, found, asked.limit)


def _match(pictures: Sequence[Picture], asked: Match) -> Result:
    one, two = pictures
    found = imaging.match_pictures(
        one, two, asked.method, ratio=asked.ratio, mutual=asked.mutual, threshold=asked.threshold, limit=asked.limit,  # type: ignore[arg-type]  # checked there
    )  # fmt: skip
    if asked.draw:
        return imaging.draw_matches(one, two, found)
    return found.facts()


def _convolve(image: Picture, asked: Convolve) -> Picture:
    return imaging.convolve(image, imaging.parse_kernel(asked.kernel), offset=asked.offset)


def _pyramid(pictures: Sequence[Picture], asked: Pyramid) -> Result:
    levels = imaging.shown_pyramid(pictures[0], asked.levels, asked.kind)
    return {f"level_{number}.png": level for number, level in enumerate(levels)}


def _flow(pictures: Sequence[Picture], asked: Flow) -> Result:
    found = imaging.sparse_flow(pictures[0], pictures[1], limit=asked.limit)
    if asked.draw:
        return imaging.draw_flow(pictures[1], found)
    median = np.median(found.end - found.start, axis=0).tolist() if len(found) else None
    return {"points": len(found), "median": median, "start": found.start.tolist(), "end": found.end.tolist()}


def _motion(pictures: Sequence[Picture], asked: Motion) -> Result:
    found = imaging.camera_motion(pictures[0], pictures[1], asked.model)
    facts = {"found": found.found, "points": found.points, "inliers": found.inliers}
    return {**facts, "matrix": found.matrix.tolist()}


def _stereo(pictures: Sequence[Picture], asked: Stereo) -> Result:
    if (asked.focal is None) != (asked.baseline is None):
        raise InputError("stereo: depth needs both focal and baseline")
    found = imaging.disparity(pictures[0], pictures[1], largest=asked.largest, block=asked.block)
    if asked.draw:
        return imaging.draw_disparity(found)
    deep = asked.focal is not None and asked.baseline is not None
    values = imaging.depth(found, asked.focal or 0, asked.baseline or 0) if deep else found
    known = values[np.isfinite(values)]
    span = [float(value) for value in np.percentile(known, [1, 50, 99])] if known.size else None
    return {"known": known.size / values.size, "percentiles_1_50_99": span, "depth": deep}


def picture_facts(data: bytes) -> dict[str, Any]:
    """Return what a picture file says about itself, and what its pixels are like."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        facts = imaging.picture_info(file.name)
    found: dict[str, Any] = plain(dataclasses.asdict(facts.header) | {
        "channels": facts.channels, "file_bytes": facts.file_bytes, "mean": facts.mean, "std": facts.std,
        "least": facts.least, "greatest": facts.greatest, "exif": facts.exif, "histogram": facts.histogram,
    })  # fmt: skip
    return found


def film_cuts(path: Path, asked: Scenes) -> dict[str, Any]:
    """Return the hard cuts of a film.

    Raises:
        InputError: it has too many frames.
        MediaError: it is no video.
    """
    source = VideoSource(path)

    def frames() -> Any:
        for frame in source:
            if frame.index >= _VIDEO_FRAMES:
                raise InputError(f"scenes: expected a film of at most {_VIDEO_FRAMES} frames; cut it first")
            yield frame

    options = {} if asked.threshold is None else {"threshold": asked.threshold}
    return {"cuts": plain([dataclasses.asdict(cut) for cut in imaging.scene_cuts(frames(), **options)])}


def plain(value: Any) -> Any:
    """Return what JSON can hold: arrays as lists, and null for what is no number."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return value if value is None or isinstance(value, bool | int) else str(value)


def _numbers(text: str, name: str, count: int | None = None) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or (count is not None and len(found) != count) or not all(math.isfinite(one) for one in found):
        raise InputError(f"{name}: expected {count or 'some'} numbers with commas between them, got {text!r:.100}")
    return found


def _check_area(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(f"expected a picture of at most {MAX_PIXELS} pixels, {width} x {height} are more")


TWO = ("image", "other")
TOOLS = (
    Tool("quality", "Score blur, motion blur, exposure, noise and glare", Nothing,
         lambda pictures, _: dataclasses.asdict(imaging.quality(pictures[0])), gives="facts"),
    Tool("grey", "Colour to grey", Nothing, _one(lambda image, _: imaging.grey(image))),
    Tool("resize", "Change the size", Resize, _one(_resize)),
    Tool("crop", "Cut a part out", Crop, _one(_crop)),
    Tool("letterbox", "Fit into a canvas without changing the shape", Letterbox, _one(_letterbox)),
    Tool("tiles", "Cut into tiles", Tiles, _tiles, gives="pictures"),
    Tool("equalise", "Equalise the histogram of the luma", Nothing, _one(lambda image, _: imaging.equalise(image))),
    Tool("clahe", "Equalise tile by tile, with limited contrast", Clahe,
         _one(lambda image, asked: imaging.clahe(image, asked.clip, (asked.rows, asked.columns)))),
    Tool("gamma", "Correct the gamma, given or estimated", Gamma,
         _one(lambda image, asked: imaging.gamma(image, asked.gamma))),
    Tool("white-balance", "Remove a colour cast", Nothing, _one(lambda image, _: imaging.white_balance(image))),
    Tool("normalise", "Bring the range, or mean and spread, to one scale", Normalise,
         _one(lambda image, asked: imaging.normalise(image, asked.method, per_channel=asked.per_channel, cut=asked.cut,
                                                     mean=asked.mean, std=asked.std))),
    Tool("deshadow", "Light up cast shadows, or even out the light on a page", Deshadow,
         _one(lambda image, asked: imaging.remove_shadows(image, asked.kind))),
    Tool("denoise", "Remove noise", Denoise,
         _one(lambda image, asked: imaging.denoise(image, asked.method, asked.strength))),
    Tool("edges", "Draw edges, white on black", Edges, _one(_edges)),
    Tool("keypoints", "Draw keypoints with their size and direction", FindKeypoints, _one(_keypoints)),
    Tool("match", "Find the keypoints two pictures share, and the homography", Match, _match, TWO, "either"),
    Tool("convolve", "Convolve with a kernel", Convolve, _one(_convolve)),
    Tool("pool", "One pixel a block", Pool,
         _one(lambda image, asked: imaging.pool(image, asked.size, asked.method))),
    Tool("pyramid", "The levels of a pyramid", Pyramid, _pyramid, gives="pictures"),
    Tool("flow", "Follow points from one picture to the other", Flow, _flow, TWO, "either"),
    Tool("motion", "The camera's motion from one picture to the other", Motion, _motion, TWO, "facts"),
    Tool("stereo", "Disparities, or depth, from a rectified pair", Stereo, _stereo, TWO, "either"),
)  # fmt: skip
"""All verbs that take pictures and nothing else; `info`, `join` and `scenes` have routes of their own."""
