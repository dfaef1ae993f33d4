"""Settings of a tracker searched for on sequences with ground truth, by Optuna (extra `tune`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from eyebright.core.errors import EyebrightError, InputError
from eyebright.metrics.mot import combined
from eyebright.tracking import make_tracker
from eyebright.video.evaluation import TrackingSequence, sequence_folders

Range = tuple[float, float]
METRICS = ("hota", "idf1", "mota", "assa", "deta")
"""What can be searched for the greatest value of."""

_SORT: dict[str, Range] = {"max_age": (1, 60), "min_hits": (0, 5), "min_iou": (0.05, 0.6)}
_BYTETRACK: dict[str, Range] = {
    "high": (0.3, 0.9),
    "low": (0.05, 0.3),
    "new": (0.3, 0.95),
    "min_iou": (0.05, 0.5),
    "min_iou_low": (0.05, 0.6),
    "min_iou_unconfirmed": (0.05, 0.5),
    "max_age": (5, 90),
    "min_hits": (1, 5),
}
SPACES: dict[str, dict[str, Range]] = {
    "sort": _SORT,
    "deepsort": {"confidence": (0.1, 0.9), "max_age": (5, 90), "min_hits": (1, 5), "min_iou": (0.05, 0.6)},
    "ocsort": {**_SORT, "confidence": (0.1, 0.9), "span": (1, 6), "inertia": (0.0, 0.5)},
    "bytetrack": _BYTETRACK,
    "botsort": _BYTETRACK,
    "eyebright": {**_BYTETRACK, "height_power": (0.0, 2.0)},
}
"""The settings that are searched, by tracker, and their ranges; some are whole numbers."""
WHOLE = frozenset({"max_age", "min_hits", "span"})
"""The settings that are whole numbers."""


def tune(
    root: Path,
    tracker: str = "eyebright",
    *,
    trials: int = 100,
    metric: str = "hota",
    refine: bool = False,
    names: tuple[str, ...] = (),
    seed: int = 0,
    tell: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Search the settings of a tracker that score best on all sequences together.

    The tree-structured Parzen estimator (Bergstra et al. 2011) is asked for `trials` settings, one after the other; the
    first are the tracker's own, so the best is never worse. The same seed gives the same search. What is found fits
    the sequences that it was found on: judge it on others.

    Args:
        root: folders of sequences, as for `evaluate`.
        tracker: a name of `eyebright.tracking.TRACKERS`.
        trials: how many settings are tried.
        metric: one of `METRICS`.
        refine: whether the finished tracks are refined.
        names: of the sequences to use; empty: all.
        seed: of the search.
        tell: called after each trial with its number and the best value so far.

    Returns:
        `tracker`, `metric`, `trials`, `sequences` (names), `default` and `best` (each with `settings` and the combined
        `figures`).

    Raises:
        InputError: a choice or a file is wrong.
        EyebrightError: Optuna is not installed.
    """
    if tracker not in SPACES:
        make_tracker(tracker)  # tells near names
    if metric not in METRICS:
        raise InputError(f"tune: expected one of {', '.join(METRICS)} as the metric, got {metric!r}")
    if trials < 1:
        raise InputError(f"tune: expected at least one trial, got {trials}")
    folders = sequence_folders(root)
    for name in names:
        if name not in {folder.name for folder in folders}:
            raise InputError(f"{root}: no sequence {name!r}; there are {', '.join(one.name for one in folders)}")
    sequences = {folder.name: TrackingSequence.read(folder) for folder in folders if not names or folder.name in names}

    def figures(settings: dict[str, Any]) -> dict[str, float]:
        return combined(
            {
                name: sequence.score(sequence.track(tracker, settings, refine=refine)[0])
                for name, sequence in sequences.items()
            }
        ).figures()

    default = figures({})
    found = search(
        SPACES[tracker],
        lambda settings: figures(settings)[metric],
        trials=trials,
        first=(_own(tracker), default[metric]),
        seed=seed,
        tell=tell,
    )
    return {
        "tracker": tracker,
        "metric": metric,
        "trials": trials,
        "sequences": list(sequences),
        "default": {"settings": {}, "figures": default},
        "best": {"settings": found, "figures": figures(found)},
    }


def search(
    space: dict[str, Range],
    value: Callable[[dict[str, Any]], float],
    *,
    trials: int,
    first: tuple[dict[str, Any], float] | None = None,
    seed: int = 0,
    whole: Collection[str] = WHOLE,
    tell: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Return the settings of the greatest value among `trials`; `first` is known and counts as one of them.

    Args:
        space: names and ranges.
        value: of settings.
        trials: how many settings are tried.
        first: settings and their value.
        seed: of the search.
        whole: names of the settings that are whole numbers.
        tell: called after each trial with its number and the best value so far.

    Raises:
        EyebrightError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise EyebrightError("tune: needs optuna; install it with: pip install 'eyebright[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions: dict[str, Any] = {
        name: optuna.distributions.IntDistribution(int(low), int(high))
        if name in whole
        else optuna.distributions.FloatDistribution(low, high)
        for name, (low, high) in space.items()
    }
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    best: tuple[float, dict[str, Any]] = (float("-inf"), {})
    for number in range(trials):
        if number == 0 and first is not None:
            settings, reached = first
            study.add_trial(optuna.create_trial(params=settings, distributions=distributions, value=reached))
        else:
            trial = study.ask(distributions)
            # three digits, as they will be written down
            settings = {name: one if name in whole else round(one, 3) for name, one in trial.params.items()}
            reached = value(settings)
            study.tell(trial, reached)
        if reached > best[0]:
            best = reached, settings
        if tell is not None:
            tell(number + 1, best[0])
    return best[1]


def _own(tracker: str) -> dict[str, Any]:
    """Return a tracker's own values of the settings that are searched."""
    made = make_tracker(tracker)
    return {name: getattr(made, name) for name in SPACES[tracker]}
