"""Jobs on the catalogue of models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eyebright.core.errors import WeightsError
from eyebright.jobs import JobContext


def pull_model(context: JobContext, home: str, name: str) -> dict[str, Any]:
    """Build or download a model."""
    from eyebright.models import file_sha256, get_card, resolve

    context.progress(0, 1, stage=f"fetching {name}")
    path = resolve(get_card(name), home=Path(home), repair=True)
    context.progress(1, 1)
    return {"name": name, "sha256": file_sha256(path)}


def verify_model(context: JobContext, home: str, name: str) -> dict[str, Any]:
    """Hash a model's file again."""
    from eyebright.models import get_card, status

    context.progress(0, 1, stage=f"checking {name}")
    found = status(get_card(name), home=Path(home), check=True)
    if found.state == "damaged":
        raise WeightsError(found.advice)
    if found.state == "absent":
        raise WeightsError(f"{name}: is not on this machine; pull it first")
    return {"name": name, "state": found.state, "sha256": found.sha256, "verified": found.expected is not None}
