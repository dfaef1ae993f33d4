"""Image search: a small catalogue of real photographs, indexed and searched.

Each photograph is a product; two other renderings of each (a closer view, another light and size) stand for the further
photos that a shop has of it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageEnhance

from eyebright.handbook.chapter import Chapter, photographs
from eyebright.media import read_image
from eyebright.search import ImageSearch, QueryResult, save_explanation
from eyebright.search import result_section as show
from eyebright.viz import html

PRODUCTS = {
    "skimage/astronaut.png": ("Portrait of an astronaut in an orange suit", "posters", 19.0),
    "skimage/brick.png": ("Red brick wall, close", "textures", 4.5),
    "skimage/camera.png": ("Photographer with a camera on a tripod", "posters", 15.0),
    "skimage/chelsea.png": ("Ginger cat looking at you", "animals", 12.5),
    "skimage/coffee.png": ("Cup of espresso with a spoon", "kitchen", 3.0),
    "skimage/coins.png": ("Old coins from Pompeii", "history", 49.0),
    "skimage/grass.png": ("Grass from above", "textures", 4.5),
    "skimage/gravel.png": ("Gravel", "textures", 4.5),
    "skimage/horse.png": ("Silhouette of a horse", "animals", 8.0),
    "skimage/hubble_deep_field.jpg": ("Galaxies in the deep field", "space", 29.0),
    "skimage/ihc.png": ("Stained tissue under the microscope", "science", 22.0),
    "skimage/moon.png": ("Surface of the moon", "space", 18.0),
    "skimage/motorcycle_left.png": ("Motorcycle in a garage", "vehicles", 990.0),
    "skimage/page.png": ("Page of an old book", "history", 6.0),
    "skimage/retina.jpg": ("Retina of an eye", "science", 22.0),
    "skimage/rocket.jpg": ("Rocket before the launch", "space", 35.0),
    "sklearn/china.jpg": ("Temple with yellow roofs", "travel", 14.0),
    "sklearn/flower.jpg": ("Yellow dahlia", "garden", 5.0),
}
"""File in its package: title, department, price."""


def make(out: Path) -> Chapter:
    """Make the catalogue in `out/catalogue`, index it and search it."""
    catalogue = out / "catalogue"
    if not (catalogue / "products.csv").is_file():
        _make_catalogue(catalogue)
    with ImageSearch(out / "store", home=out / "home") as search:
        report = search.index(catalogue, catalogue / "products.csv")
        queries = _make_queries(out / "queries")
        sections = [
            _looks(search, queries),
            _words(search),
            _explained(search, queries, out),
            _learning(search, queries),
        ]
        sections.append(_copies(search, out))
    rate = f"{report.described / report.seconds:.0f} a second" if report.described else "all known from the last run"
    facts = html.table(
        ["pictures", "newly described", "unchanged", "speed"],
        [[report.total, report.described, report.unchanged, rate]],
    )
    return Chapter(
        name="search",
        title="Image search",
        intro="A shop's catalogue of real photographs, indexed and searched by pictures, by words, with filters and "
        "with feedback.",
        parts=[facts, *sections],
        summary=f"{report.total} pictures indexed and searched",
        cover=read_image(queries["chelsea"]),
    )


def _sources() -> dict[str, Path]:
    homes = photographs()
    found = {name: homes[name.split("/")[0]] / name.split("/")[1] for name in PRODUCTS}
    return {name: path for name, path in found.items() if path.is_file()}


def _make_catalogue(folder: Path) -> None:
    rows = []
    for number, (name, path) in enumerate(_sources().items(), start=1):
        title, department, price = PRODUCTS[name]
        photo = PIL.Image.fromarray(read_image(path))
        width, height = photo.size
        closer = photo.crop((width // 5, height // 6, width - width // 8, height - height // 5))
        dusk = PIL.ImageEnhance.Color(PIL.ImageEnhance.Brightness(photo).enhance(0.75)).enhance(0.8)
        views = {"front": photo, "closer": closer, "dusk": dusk.resize((max(1, width * 2 // 3), height * 2 // 3))}
        for view, picture in views.items():
            file = folder / department / f"{path.stem}-{view}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture.thumbnail((640, 640))
            picture.save(file, quality=88)
            rows.append([file.relative_to(folder), title, department, price, f"P{number:03d}", number % 4 != 0])
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "title", "department", "price", "product", "in_stock"])
        writer.writerows(rows)


def _make_queries(folder: Path) -> dict[str, Path]:
    """Photos as a customer takes them: turned a little, cut, under another light."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name in ("skimage/coffee.png", "skimage/chelsea.png", "sklearn/china.jpg"):
        path = _sources().get(name)
        if path is None:
            continue
        photo = PIL.Image.fromarray(read_image(path))
        turned = photo.rotate(7, resample=PIL.Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
        width, height = turned.size
        shown = turned.crop((width // 6, height // 8, width - width // 10, height - height // 10))
        pixels = np.asarray(PIL.ImageEnhance.Contrast(shown).enhance(0.8), dtype=np.float32) * [1.08, 1.0, 0.88]
        made[path.stem] = folder / f"{path.stem}.jpg"
        PIL.Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(made[path.stem], quality=80)
    return made


def _looks(search: ImageSearch, queries: dict[str, Path]) -> str:
    results = search.query(list(queries.values()), k=5)
    return "".join(_named(result, "By a customer's photo") for result in results)


def _words(search: ImageSearch) -> str:
    result = search.query(text="yellow", where="price < 20 and in_stock = true", group_by="product", k=5)[0]
    return _named(result, "By words, with a filter: yellow, price < 20 and in_stock = true")


def _explained(search: ImageSearch, queries: dict[str, Path], out: Path) -> str:
    results = search.query(next(iter(queries.values())), k=3, group_by="product", explain=True)
    save_explanation(out / "explain.png", results)
    return _named(results[0], "Why: the regions that made them alike")


def _learning(search: ImageSearch, queries: dict[str, Path]) -> str:
    query = queries["chelsea"]
    first = search.query(query, k=5)[0]
    wrong = next(hit.id for hit in first.hits if "cat" not in str(hit.metadata.get("title")))
    search.feedback("demo", like=[first.hits[0].id], dislike=[wrong], clear=True)
    again = search.query(query, k=5, session="demo")[0]
    return _named(again, f"After feedback: the first answer liked, {wrong} disliked")


def _copies(search: ImageSearch, out: Path) -> str:
    groups = search.duplicates(sheet=out / "duplicates.png")
    rows = [[number, group.kind, ", ".join(m.id for m in group.members)] for number, group in enumerate(groups, 1)]
    words = html.paragraph(f"{len(groups)} groups of near copies by perceptual hash, without any model.")
    return html.section("Duplicates", words, html.table(["group", "kind", "pictures"], rows))


def _named(result: QueryResult, heading: str) -> str:
    return show(result, f"{heading}: {result.path.name}" if result.path else heading)
