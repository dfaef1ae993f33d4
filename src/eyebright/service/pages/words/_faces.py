"""Words of the page for faces."""

from __future__ import annotations

from typing import Any

WORDS: dict[str, Any] = {
    "faces": {
        "title": "Recognise people",
        "identify": "Who is in a picture?",
        "found": "Faces",
        "start_title": "Choose a picture",
        "start_text": "Every face gets a name or stays unknown. Nothing leaves this machine.",
        "enroll": "Enrol somebody",
        "enroll_text": "One good face a picture: large, sharp, well lit, looking this way.",
        "name": "Name",
        "add": "Enrol",
        "anyway": "Enrol the refused pictures anyway",
        "people": "People",
        "empty_title": "Nobody is enrolled",
        "empty_text": "Enrol somebody, and pictures are compared with them. Until then every face is unknown.",
        "more": "Show more people",
        "sealed": "The gallery is encrypted on the disk.",
        "no_liveness": "No liveness check: a photograph of a person is taken for the person.",
    },
}

SCRIPT_WORDS: dict[str, str] = {
    "faces.working": "Looking for faces",
    "faces.none": "No face was found.",
    "faces.unknown": "unknown",
    "faces.count.one": "1 face",
    "faces.count.many": "{count} faces",
    "faces.rate": "A stranger is taken for somebody in {rate} % of pictures at the most, with {people} enrolled.",
    "faces.alt": "{name} with {count} faces marked",
    "faces.who": "Who",
    "faces.score": "Score",
    "faces.margin": "Ahead by",
    "faces.nearest": "nearest: {name}",
    "faces.chosen.one": "1 picture chosen",
    "faces.chosen.many": "{count} pictures chosen",
    "faces.missing": "Choose at least one picture.",
    "faces.added": "{count} enrolled as {name}",
    "faces.refused": "{source}: {why}",
    "faces.pictures.one": "1 picture",
    "faces.pictures.many": "{count} pictures",
    "faces.since": "since {day}",
    "faces.chip": "{name}, as enrolled",
    "faces.forget": "Forget",
    "faces.forget_label": "Forget {name}",
    "faces.forget_sure": "Forget {name}? Pictures, vectors and the name are removed from the disk.",
    "faces.forgotten": "{name} is forgotten",
}
