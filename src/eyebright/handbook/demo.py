"""`make demo`: every system at work on real pictures; writes a page a chapter and `index.html`, which leads to them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from eyebright.core.errors import EyebrightError
from eyebright.handbook import authenticity_chapter, detection_chapter, faces_chapter, search_chapter, video_chapter
from eyebright.handbook.chapter import Chapter
from eyebright.viz import html

CHAPTERS: tuple[Callable[[Path], Chapter], ...] = (
    search_chapter.make,
    faces_chapter.make,
    detection_chapter.make,
    video_chapter.make,
    authenticity_chapter.make,
)
"""Each makes its files in a folder of its own and returns what its page shows."""

_BACK = '<p><a href="index.html">All chapters</a></p>'


def main(out: Path) -> None:
    """Run the chapters and write their pages into `out`."""
    cards = []
    for make in CHAPTERS:
        began = time.perf_counter()
        chapter = make(out)
        html.save(out / f"{chapter.name}.html", html.page(chapter.title, chapter.intro, _BACK, *chapter.parts))
        print(f"{chapter.title}: {chapter.summary} in {time.perf_counter() - began:.1f} s")
        cards.append(html.link(f"{chapter.name}.html", chapter.title, chapter.summary, chapter.cover))
    intro = (
        "Each page was made on this machine by the code of this repository in this run, from real photographs that "
        "travel inside packages: no download, no GPU."
    )
    html.save(out / "index.html", html.page("Eyebright at work", intro, html.grid(cards, size="wide")))
    print(f"open {(out / 'index.html').resolve()}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo"))
    except EyebrightError as failure:
        sys.exit(f"demo: {failure}")
