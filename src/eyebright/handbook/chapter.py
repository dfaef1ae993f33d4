"""What a chapter of the demo gives, and the photographs that all chapters share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from eyebright.core.errors import InputError
from eyebright.core.types import Image


@dataclasses.dataclass(frozen=True)
class Chapter:
    """One page of the demo.

    Attributes:
        name: of its file and of its folder, in lower case.
        title: heading of the page.
        intro: a few sentences, plain text.
        parts: the page's HTML, as made by `eyebright.viz.html`.
        summary: what was done, in a few words, without the time.
        cover: RGB `uint8 (H, W, 3)`, shown beside the title on the first page.
    """

    name: str
    title: str
    intro: str
    parts: Sequence[str]
    summary: str
    cover: Image


def photographs() -> dict[str, Path]:
    """Return the folders of real photographs that travel inside packages: `skimage` and `sklearn`.

    Raises:
        InputError: the packages are not installed.
    """
    try:
        import skimage
        import sklearn.datasets
    except ImportError as error:
        raise InputError(
            f"the demo's photographs are in packages that are not here: pip install 'eyebright[demo]' ({error})"
        ) from error
    return {
        "skimage": Path(skimage.__file__).parent / "data",
        "sklearn": Path(sklearn.datasets.__file__).parent / "images",
    }
