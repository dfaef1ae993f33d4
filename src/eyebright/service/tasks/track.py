"""Jobs of the video system."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eyebright.core.errors import InputError
from eyebright.jobs import JobContext
from eyebright.service.tasks.paths import is_inside

RESULT = "result.json"


def run(
    context: JobContext, home: str, source: dict[str, Any], roots: Sequence[str], folder: str, options: dict[str, Any],
    seconds: float | None,
) -> dict[str, Any]:  # fmt: skip
    """Track a source into a folder, which is removed when that fails or is cancelled."""
    from eyebright.video.session import track_to_folder

    place, spec = Path(folder), str(source["source"])
    if not source["live"] and not is_inside(Path(spec).resolve(), [Path(root) for root in roots]):
        raise InputError(f"{source['name']}: leads out of the folders that this server may use")
    place.mkdir(parents=True, exist_ok=True)

    def tell(done: int, total: int | None, rate: float | None) -> None:
        context.progress(done, total, stage="tracking", rate=rate)

    try:
        found = track_to_folder(spec, place, options, seconds=seconds, name=source["name"], home=Path(home), tell=tell)
        found["report"].pop("outputs")  # paths of the server
        (place / RESULT).write_text(json.dumps(found))
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    [report] = found["report"]["sources"]
    kept = {key: report[key] for key in ("frames", "tracks", "media_s", "seconds", "fps", "lines", "zones")}
    return {"result": place.name, "files": sorted(found["files"]), "clips": len(found["clips"]), **kept}


def evaluate(
    context: JobContext, root: str, tracker: str, settings: dict[str, Any], refine: bool, upload: bool
) -> dict[str, Any]:
    """Track and score the sequences below a folder; `upload`: one that is removed at the end."""
    from eyebright.video.evaluation import evaluate as measure

    context.progress(0, stage="tracking and scoring")
    try:
        return measure(Path(root), tracker, settings, refine=refine)
    finally:
        if upload:
            shutil.rmtree(root, ignore_errors=True)


def score(context: JobContext, truth: str, predicted: str, upload: str | None) -> dict[str, Any]:
    """Score ready files; `upload`: a folder that is removed at the end."""
    from eyebright.video.evaluation import score as measure

    context.progress(0, stage="scoring")
    try:
        return measure(Path(truth), Path(predicted))
    finally:
        if upload is not None:
            shutil.rmtree(upload, ignore_errors=True)


def tune(
    context: JobContext, root: str, tracker: str, trials: int, metric: str, refine: bool, only: Sequence[str], seed: int
) -> dict[str, Any]:
    """Search the settings of a tracker that score best."""
    from eyebright.video.tuning import tune as search

    def tell(number: int, best: float) -> None:
        context.progress(number, trials, stage=f"{metric} {best:.2f}")

    context.progress(0, trials, stage="reading the sequences")
    return search(
        Path(root), tracker, trials=trials, metric=metric, refine=refine, names=tuple(only), seed=seed, tell=tell
    )
