"""Words of the page for finding objects in pictures."""

from __future__ import annotations

from typing import Any

WORDS: dict[str, Any] = {
    "detect": {
        "title": "Find objects in a picture",
        "picture": "Pictures",
        "another": "Other pictures",
        "which": "Shown",
        "model": "What looks at it",
        "tiles": "Small objects",
        "tiles_none": "The whole picture only",
        "tiles_side": "Also tiles of {side} pixels",
        "run": "Find",
        "run_all": "In all pictures",
        "fetch": "Models that are not here can be fetched on the",
        "fetch_page": "Models page",
        "results": "What was found",
        "least": "Least score",
        "only": "Class",
        "all": "All classes",
        "downloads": "Downloads",
        "table": "Objects",
        "start_title": "Choose a picture first",
        "start_text": "Moving the least score redraws at once, without looking again. Nothing leaves this machine.",
    },
}

SCRIPT_WORDS: dict[str, str] = {
    "detect.absent": "{name} (not on this machine)",
    "detect.task.detection": "Objects",
    "detect.task.segmentation": "Segments",
    "detect.task.pose": "Poses",
    "detect.task.depth": "Depth",
    "detect.missing": "Choose a picture first.",
    "detect.working": "Looking",
    "detect.count.one": "1 object",
    "detect.count.many": "{count} objects",
    "detect.of": "{shown} of {count} objects",
    "detect.facts": "{model}, {width} × {height}, {ms} ms",
    "detect.none": "Nothing was found. A lower least score, tiles or another model may find more.",
    "detect.none_above": "Nothing has a score of {least} or more. Move the least score down.",
    "detect.class": "Class",
    "detect.score": "Score",
    "detect.box": "Box",
    "detect.alt": "{name} with {count} boxes",
    "detect.part": "Part of the picture",
    "detect.chosen": "{count} pictures",
    "detect.mask": "Mask",
    "detect.coco": "COCO",
    "detect.yolo": "YOLO",
    "detect.voc": "Pascal VOC",
    "detect.json": "JSON",
    "detect.picture": "Picture",
    "detect.unseen": "This browser does not show such files; the server's version is shown.",
}
