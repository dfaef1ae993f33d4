"""How well a recogniser does on one's own pictures: verification, identification, open set, by group."""

from __future__ import annotations

import csv
import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.types import Floats, Image, Space
from eyebright.faces._gallery import scaled
from eyebright.faces.types import Face
from eyebright.media import Problem, display_path, list_images, read_image
from eyebright.metrics import VerificationMetric, threshold_at_far

_FARS = {"tar@far=1e-2": 1e-2, "tar@far=1e-3": 1e-3}
_COUNTS = {"genuine_pairs", "impostor_pairs", "pairs", "pairs_compared", "wrong", "faces_missed", "pictures", "people"}
_WORST = 12
_AT_ONCE = 100_000
_YES, _NO = {"yes", "1", "true", "same"}, {"no", "0", "false", "different"}

Detect = Callable[[Image], list[Face]]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two pictures with their score; `same`: whether they show one person."""

    first: Path
    second: Path
    same: bool
    score: float


@dataclasses.dataclass(eq=False)
class Evaluation:
    """Figures of an evaluation.

    Attributes:
        figures: by name; NaN where there are too few pairs.
        intervals: low and high of some of them, that hold 95 % when people are resampled.
        groups: figures of each group.
        worst: genuine pairs with the lowest scores and impostor pairs with the highest, that are on the wrong side.
        det: false match rate and false non-match rate at falling thresholds, `float64 (T, 2)`.
        missed: pictures in which no face was found.
        problems: files that could not be read.
        chips: the faces, by picture.
    """

    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    groups: dict[str, dict[str, float]]
    worst: list[Pair]
    det: npt.NDArray[np.float64]
    missed: list[Path]
    problems: list[Problem]
    chips: dict[Path, Image]

    def facts(self) -> dict[str, Any]:
        """Return everything that is text or numbers; NaN becomes None."""
        return {
            **_plainly(self.figures),
            "intervals": {
                name: [_plain(name, low), _plain(name, high)] for name, (low, high) in self.intervals.items()
            },
            "groups": {group: _plainly(some) for group, some in self.groups.items()},
            "missed": [display_path(path) for path in self.missed],
            "problems": [str(problem) for problem in self.problems],
        }


def evaluate_folder(
    detect: Detect, space: Space, threshold: float, root: str | os.PathLike[str], *, groups: Path | None = None
) -> Evaluation:
    """Evaluate on a folder that holds a folder a person.

    Verification compares all pairs of pictures. `rank1` enrols the first picture of everybody and asks with the others.
    `fpir` and `fnir` enrol one picture of every second person, then of the others, and ask with all other pictures at
    the threshold: strangers who were accepted, and enrolled people who were not found as themselves (a picture without
    a found face is one of these).

    Args:
        detect: faces of a picture, the largest first.
        space: of their vectors.
        threshold: least score that is accepted.
        root: the folder.
        groups: a table with the columns `person` and `group`; None: `groups.csv` in the folder, when it is there.

    Raises:
        InputError: fewer than two people, or a wrong table.
    """
    where = Path(root)
    folders = sorted(path for path in where.iterdir() if path.is_dir()) if where.is_dir() else []
    people: dict[Path, str] = {}
    problems: list[Problem] = []
    for folder in folders:
        listing = list_images(folder)
        problems += listing.problems
        people.update(dict.fromkeys(listing.paths, folder.name))
    if len(set(people.values())) < 2:
        raise InputError(
            f"{display_path(where)}: expected folders with pictures of at least two people, a folder a person"
        )
    seen = _Seen.of(detect, people, problems)
    names = [people[path] for path in seen.paths]
    first, second = np.triu_indices(len(names), 1)
    scores = seen.scores(first, second, space)
    found = _verification(scores, [names[row] for row in first], [names[row] for row in second], threshold)
    same = np.array([names[a] == names[b] for a, b in zip(first, second, strict=True)], dtype=bool)
    figures = found.figures | _identification(seen, names, people, space, threshold) | {
        "faces_missed": float(len(seen.missed)), "pictures": float(len(people)),
        "people": float(len(set(people.values()))),
    }  # fmt: skip
    grouped = {}
    table = groups if groups is not None else where / "groups.csv"
    if groups is not None or table.is_file():
        grouped = _by_group(_read_groups(table), names, first, second, scores, threshold)
    return Evaluation(
        figures, found.intervals, grouped, _worst(seen, first, second, same, scores, threshold), _det(scores, same),
        seen.missed, seen.problems, seen.chips,
    )  # fmt: skip


def evaluate_pairs(detect: Detect, space: Space, threshold: float, table: str | os.PathLike[str]) -> Evaluation:
    """Evaluate on a table of pairs: two columns of files (relative to the table) and whether they show one person.

    The columns are called `file_x`, `file_y` and `decision` (or `first`, `second`, `same`); `yes`, `1`, `true` mean one
    person. Pictures that genuine pairs join count as one person when people are resampled.

    Raises:
        InputError: a table without these columns, or with other words; no pair whose pictures are there.
    """
    where = Path(table)
    rows = _read_pairs(where)
    problems: list[Problem] = []
    seen = _Seen.of(detect, dict.fromkeys(path for pair in rows for path in pair[:2]), problems)
    number = {path: row for row, path in enumerate(seen.paths)}
    kept = [(number[a], number[b], same) for a, b, same in rows if a in number and b in number]
    if not kept:
        raise InputError(f"{display_path(where)}: expected pairs of pictures with faces beside it, found none")
    first, second = np.array([pair[0] for pair in kept]), np.array([pair[1] for pair in kept])
    same = np.array([pair[2] for pair in kept], dtype=bool)
    scores = seen.scores(first, second, space)
    person = _joined(len(seen.paths), first[same], second[same])
    # a pair said to be different counts as such, even when other rows join its pictures
    others = [person[b] if one or person[a] != person[b] else -1 - row for row, (a, b, one) in enumerate(kept)]
    found = _verification(scores, [person[row] for row in first], others, threshold)
    figures = found.figures | {
        "pairs": float(len(rows)), "pairs_compared": float(len(kept)),
        "wrong": float(((scores >= threshold) != same).sum()), "faces_missed": float(len(seen.missed)),
    }  # fmt: skip
    return Evaluation(
        figures, found.intervals, {}, _worst(seen, first, second, same, scores, threshold), _det(scores, same),
        seen.missed, seen.problems, seen.chips,
    )  # fmt: skip


def files_of_pairs(table: str | os.PathLike[str]) -> list[Path]:
    """Return the files that a table of pairs names; raises as `evaluate_pairs`."""
    return [path for pair in _read_pairs(Path(table)) for path in pair[:2]]


@dataclasses.dataclass(eq=False)
class _Seen:
    """The largest face of each picture that has one."""

    paths: list[Path]
    vectors: Floats
    chips: dict[Path, Image]
    missed: list[Path]
    problems: list[Problem]

    @classmethod
    def of(cls, detect: Detect, pictures: Sequence[Path] | dict[Path, Any], problems: list[Problem]) -> _Seen:
        paths, vectors, chips, missed = [], [], {}, []
        for path in pictures:
            try:
                faces = detect(read_image(path))
            except EyebrightError as error:
                problems.append(Problem(path, str(error).removeprefix(f"{display_path(path)}: ")))
                continue
            if not faces:
                missed.append(path)
                continue
            paths.append(path)
            vectors.append(faces[0].vector)
            chips[path] = faces[0].chip
        return cls(paths, np.stack(vectors) if vectors else np.zeros((0, 1), np.float32), chips, missed, problems)

    def scores(self, first: npt.NDArray[Any], second: npt.NDArray[Any], space: Space) -> npt.NDArray[np.float64]:
        vectors = scaled(self.vectors).astype(np.float64)
        out = np.empty(len(first))
        for start in range(0, len(first), _AT_ONCE):  # all pairs of a few thousand pictures are tens of millions
            part = slice(start, start + _AT_ONCE)
            one, other = vectors[first[part]], vectors[second[part]]
            if space.metric == "l2":
                out[part] = 1 - np.linalg.norm(one - other, axis=1)
            else:
                out[part] = np.einsum("nd,nd->n", one, other)
        return out


@dataclasses.dataclass
class _Verification:
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def _verification(
    scores: npt.NDArray[np.float64], first: Sequence[Any], second: Sequence[Any], threshold: float
) -> _Verification:
    metric = VerificationMetric(tuple(_FARS.values()))
    metric.update(scores, list(first), list(second))
    named = {f"tar@far={far:g}": name for name, far in _FARS.items()}
    figures = {named.get(name, name): value for name, value in metric.compute().items() if name != "people"}
    intervals = {named.get(name, name): tuple(value) for name, value in metric.intervals(rounds=200).items()}
    same = np.array([a == b for a, b in zip(first, second, strict=True)], dtype=bool)
    figures["threshold"] = threshold
    figures["fmr"] = float((scores[~same] >= threshold).mean()) if (~same).any() else math.nan
    figures["fnmr"] = float((scores[same] < threshold).mean()) if same.any() else math.nan
    for far in _FARS.values():
        if same.size and (~same).sum() * far >= 1:
            figures[f"threshold@far={far:g}"] = threshold_at_far(scores, same, far)
    return _Verification(figures, intervals)  # type: ignore[arg-type]  # pairs of numbers


def _identification(
    seen: _Seen, names: list[str], people: dict[Path, str], space: Space, threshold: float
) -> dict[str, float]:
    everybody = sorted(set(people.values()))
    enrolled = {name: names.index(name) for name in everybody if name in names}
    of = np.array(names)
    rows = np.arange(len(names))
    missed = [people[path] for path in seen.missed]
    probes = np.setdiff1d(rows, np.array(list(enrolled.values()), dtype=int))
    right = sum(
        name == names[row] for row, (name, _) in zip(probes, _nearest(seen, probes, enrolled, space), strict=True)
    )
    asked = len(probes) + len(missed)
    figures = {"rank1": right / asked if asked else math.nan}
    accepted = strangers = lost = known = 0
    for half in (0, 1):
        gallery = {name: row for number, (name, row) in enumerate(enrolled.items()) if number % 2 == half}
        inside = np.isin(of, list(gallery))
        probes = np.setdiff1d(rows, np.array(list(gallery.values()), dtype=int))
        for row, (name, score) in zip(probes, _nearest(seen, probes, gallery, space), strict=True):
            if inside[row]:
                known += 1
                lost += name != names[row] or score < threshold
            else:
                strangers += 1
                accepted += score >= threshold
        known += sum(name in gallery for name in missed)
        lost += sum(name in gallery for name in missed)
        strangers += sum(name not in gallery for name in missed)
    figures["fpir"] = accepted / strangers if strangers else math.nan
    figures["fnir"] = lost / known if known else math.nan
    return figures


def _nearest(
    seen: _Seen, probes: npt.NDArray[Any], gallery: dict[str, int], space: Space
) -> Iterator[tuple[str, float]]:
    if not gallery:
        return
    names, rows = list(gallery), np.array(list(gallery.values()))
    for probe in probes:
        scores = seen.scores(np.full(len(rows), probe), rows, space)
        best = int(scores.argmax())
        yield names[best], float(scores[best])


def _by_group(
    group_of: dict[str, str],
    names: list[str],
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    scores: npt.NDArray[np.float64],
    threshold: float,
) -> dict[str, dict[str, float]]:
    """Figures within each group: errors are most likely, and differ most, between people who look alike."""
    groups = np.array([group_of.get(name, "") for name in names])
    found = {}
    for group in sorted(set(group_of.values())):
        inside = (groups[first] == group) & (groups[second] == group)
        if inside.any():
            one, other = [names[row] for row in first[inside]], [names[row] for row in second[inside]]
            found[group] = _verification(scores[inside], one, other, threshold).figures
            found[group]["people"] = float(len(set(one) | set(other)))
    return found


def _read_groups(table: Path) -> dict[str, str]:
    rows = _table(table)
    if not rows or not {"person", "group"} <= set(rows[0]):
        raise InputError(f"{display_path(table)}: expected the columns person and group")
    return {row["person"]: row["group"] for row in rows}


def _read_pairs(table: Path) -> list[tuple[Path, Path, bool]]:
    rows = _table(table)
    columns = {name.strip().lower(): name for name in (rows[0] if rows else {})}
    chosen = [next((columns[word] for word in words if word in columns), None) for words in (
        ("file_x", "first", "a"), ("file_y", "second", "b"), ("decision", "same", "label"),
    )]  # fmt: skip
    if None in chosen:
        raise InputError(
            f"{display_path(table)}: expected the columns file_x, file_y and decision, "
            f"got {', '.join(columns) or 'none'}"
        )
    one, two, word = (str(name) for name in chosen)
    found = []
    for number, row in enumerate(rows, start=2):
        said = row[word].strip().lower()
        if said not in _YES | _NO:
            raise InputError(f"{display_path(table)}: line {number}: expected yes or no, got {row[word]!r}")
        found.append((_beside(table, row[one]), _beside(table, row[two]), said in _YES))
    return found


def _beside(table: Path, name: str) -> Path:
    """Return the file that a table names, or the one of that name beside it: tables keep folders of other machines."""
    path = table.parent / name
    return path if path.is_file() else table.parent / Path(name).name


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{display_path(path)}: cannot be read as a table: {getattr(error, 'strerror', None) or error}"
        ) from error


def _joined(count: int, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> list[int]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    return [int(label) for label in connected_components(graph, directed=False)[1]]


def _worst(
    seen: _Seen,
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    same: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    threshold: float,
) -> list[Pair]:
    wrong = np.flatnonzero((scores >= threshold) != same)
    wrong = wrong[np.argsort(-np.abs(scores[wrong] - threshold), kind="stable")][:_WORST]
    return [Pair(seen.paths[first[row]], seen.paths[second[row]], bool(same[row]), float(scores[row])) for row in wrong]


def _det(scores: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    order = np.argsort(-scores, kind="stable")
    flags, sorted_scores = same[order], scores[order]
    last = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1) if len(scores) else np.zeros(0, int)
    false = np.cumsum(~flags)[last] / max(1, int((~same).sum()))
    missed = 1 - np.cumsum(flags)[last] / max(1, int(same.sum()))
    return np.column_stack([false, missed])


def _plainly(figures: dict[str, float]) -> dict[str, float | int | None]:
    return {name: _plain(name, value) for name, value in figures.items()}


def _plain(name: str, value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if name in _COUNTS else float(value)
