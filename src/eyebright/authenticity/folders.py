"""Every photo of a folder checked, one row a photo."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from eyebright.authenticity._checker import AuthenticityChecker
from eyebright.core.errors import MediaError


@dataclasses.dataclass(frozen=True, slots=True)
class FolderRow:
    """What is said of one photo; of one that cannot be read only the reason."""

    path: Path
    product: str = ""
    verdict: str = ""
    suspicion: float | None = None
    p_value: float | None = None
    reason: str = ""
    case: str = ""


def check_each(
    checker: AuthenticityChecker, photos: Iterable[Path], *, product: str | None = None, place: str = ""
) -> Iterator[FolderRow]:
    """Check photos one after the other, each as an item of its own; one that cannot be read does not end it.

    Args:
        checker: with registered products.
        photos: files.
        product: what all claim to be; None: what each looks like.
        place: where they were seen.

    Raises:
        EyebrightError: see `AuthenticityChecker.check`.
    """
    for path in photos:
        try:
            found = checker.check([path], product=product, place=place)
        except MediaError as error:
            yield FolderRow(path, reason=str(error))
            continue
        yield FolderRow(path, found.product, found.verdict, found.suspicion, found.p_value, found.reason, found.case_id)
