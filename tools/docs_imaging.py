"""Make the pictures of docs/imaging.md: `python tools/docs_imaging.py`.

Every picture is made by the tool that it shows, from photographs that travel in scikit-image and scikit-learn, and from
OpenCV's sample pictures in the shared data (EYEBRIGHT_DATA).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import skimage
import sklearn.datasets

from eyebright import imaging
from eyebright.core.types import Frame, Image
from eyebright.imaging import Picture
from eyebright.media import encode_image, read_image

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images" / "imaging"
DATA = Path(os.environ.get("EYEBRIGHT_DATA", ROOT.parent / "shared" / "data")) / "media"
SKIMAGE = Path(skimage.__file__).parent / "data"
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"
GAP, LINE = 10, 26
INK, PAPER = (40, 46, 54), (255, 255, 255)


def colour(picture: Picture) -> Image:
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def row(panels: Sequence[tuple[str, Picture]], height: int = 220) -> Image:
    """Lay pictures side by side at one height, each under its caption."""
    font = PIL.ImageFont.load_default(15)
    parts = [imaging.resize(colour(p), max(1, round(p.shape[1] * height / p.shape[0])), height) for _, p in panels]
    width = sum(part.shape[1] for part in parts) + GAP * (len(parts) - 1)
    sheet = PIL.Image.new("RGB", (width, height + LINE), PAPER)
    draw = PIL.ImageDraw.Draw(sheet)
    x = 0
    for (caption, _), part in zip(panels, parts, strict=True):
        assert font.getlength(caption) <= part.shape[1] + GAP, caption
        draw.text((x, 3), caption, INK, font=font)
        sheet.paste(PIL.Image.fromarray(part), (x, LINE))
        x += part.shape[1] + GAP
    return np.asarray(sheet)


def stack(*rows: Image) -> Image:
    """Lay rows below each other, filled up with paper."""
    width = max(one.shape[1] for one in rows)
    filled = []
    for one in rows:
        filled += [np.pad(one, ((0, 0), (0, width - one.shape[1]), (0, 0)), constant_values=255)]
        filled += [np.full((GAP, width, 3), 255, np.uint8)]
    return np.concatenate(filled[:-1])


def save(name: str, picture: Image) -> None:
    """Write a PNG, with 256 colours where that keeps it small enough for a page."""
    path = OUT / f"{name}.png"
    data = encode_image(picture, "png")
    if len(data) > 250_000:
        few = PIL.Image.fromarray(picture).quantize(256, method=PIL.Image.Quantize.MEDIANCUT)
        few.save(path, optimize=True)
    else:
        path.write_bytes(data)
    print(f"{path.relative_to(ROOT)}: {picture.shape[1]} x {picture.shape[0]}, {path.stat().st_size // 1024} KiB")


def noisy(picture: Picture, sigma: float) -> Picture:
    noise = np.random.default_rng(0).normal(0, sigma, picture.shape)
    return np.asarray(np.clip(np.rint(picture + noise), 0, 255), np.uint8)


def moved(picture: Picture, length: int, angle_deg: float) -> Picture:
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    step = length / 2 * np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    ends = [tuple(np.rint(16 * (length + sign * step)).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def light() -> None:
    rocket, astronaut = (read_image(SKIMAGE / name) for name in ("rocket.jpg", "astronaut.png"))
    save("light", stack(
        row([("rocket", rocket), ("equalise", imaging.equalise(rocket)), ("clahe", imaging.clahe(rocket))], 205),
        row([
            (f"gamma, estimated {imaging.estimate_gamma(rocket):.2f}", imaging.gamma(rocket)),
            ("normalise --cut 0.01", imaging.normalise(rocket, cut=0.01)),
            ("normalise, mean-std", imaging.normalise(rocket, "mean-std")),
        ], 205),
    ))  # fmt: skip
    china = read_image(SKLEARN / "china.jpg")
    cast = np.asarray(np.rint(china * np.array([1.0, 0.8, 0.5])), np.uint8)
    save("white-balance", row([
        ("as it was", china), ("a cast", cast), ("white-balance", imaging.white_balance(cast)),
    ], 195))  # fmt: skip
    face = noisy(astronaut[20:240, 120:380], 20)
    save("denoise", row([
        ("noise of 20 grey levels", face), ("non-local", imaging.denoise(face)),
        ("bilateral", imaging.denoise(face, "bilateral")), ("median", imaging.denoise(face, "median")),
    ]))  # fmt: skip
    brick, page = read_image(SKIMAGE / "brick.png"), read_image(SKIMAGE / "page.png")
    rows, columns = np.mgrid[:512, :512]
    shade = 1 / (1 + np.exp((np.hypot(rows - 280, columns - 230) - 140) / 3))
    dark = np.asarray(np.rint(brick * (1 - shade[..., None] * [0.6, 0.58, 0.52])), np.uint8)
    save("deshadow", stack(
        row([("a shadow drawn on a wall", dark), ("deshadow", imaging.remove_shadows(dark))], 300),
        row([("a page", page), ("deshadow --kind page", imaging.remove_shadows(page, "page"))], 148),
    ))  # fmt: skip


def leuven() -> None:
    one, two = read_image(DATA / "leuvenA.jpg"), read_image(DATA / "leuvenB.jpg")
    before = imaging.match_pictures(one, two)
    bright_one, bright_two = imaging.equalise(one), imaging.equalise(two)
    after = imaging.match_pictures(bright_one, bright_two)
    save("leuven", stack(*(
        row([(f"{name}: {len(found.pairs)} matches, {int(found.inliers.sum())} agree",
              imaging.draw_matches(a, b, found))], 330)
        for name, a, b, found in (("as they are", one, two, before), ("after equalise", bright_one, bright_two, after))
    )))  # fmt: skip
    for name, tool in (("as they are", lambda x: x), ("equalise", imaging.equalise), ("clahe", imaging.clahe),
                       ("gamma", imaging.gamma), ("min-max", lambda x: imaging.normalise(x, cut=0.01)),
                       ("mean-std", lambda x: imaging.normalise(x, "mean-std"))):  # fmt: skip
        found = [imaging.match_pictures(tool(one), tool(two), method) for method in ("sift", "orb", "akaze")]
        print("  ", name, [(len(match.pairs), int(match.inliers.sum())) for match in found])


def edges() -> None:
    coffee = read_image(SKIMAGE / "coffee.png")
    save("edges", stack(
        row([("coffee", coffee), ("sobel", imaging.sobel(coffee)), ("scharr", imaging.scharr(coffee))], 200),
        row([
            ("log", imaging.laplacian_of_gaussian(coffee)), ("zero-crossings", imaging.zero_crossings(coffee)),
            ("canny", imaging.canny(coffee)),
        ], 200),
    ))  # fmt: skip


def keypoints() -> None:
    astronaut = read_image(SKIMAGE / "astronaut.png")
    save("keypoints", row([
        (method, imaging.draw_keypoints(astronaut, imaging.find_keypoints(astronaut, method, 150), 150))
        for method in ("sift", "orb", "akaze")
    ], 290))  # fmt: skip
    box, scene = read_image(DATA / "box.png"), read_image(DATA / "box_in_scene.png")
    found = imaging.match_pictures(box, scene)
    save("match", imaging.draw_matches(box, scene, found))
    one, two = read_image(DATA / "graf1.png"), read_image(DATA / "graf3.png")
    drawn = imaging.draw_matches(one, two, imaging.match_pictures(one, two))
    save("graf", imaging.resize(drawn, 860, round(860 * drawn.shape[0] / drawn.shape[1])))


def filters() -> None:
    cat = read_image(SKIMAGE / "chelsea.png")
    save("filters", stack(
        row([
            ("cat", cat), ("convolve sharpen", imaging.convolve(cat, "sharpen")),
            ("emboss", imaging.convolve(cat, "emboss")),
        ], 190),
        row([
            ("outline", imaging.convolve(cat, "outline")), ("pool --size 12", blocks(imaging.pool(cat, 12))),
            ("pool, mean", blocks(imaging.pool(cat, 12, "mean"))),
        ], 190),
    ))  # fmt: skip
    residuals, rest = imaging.laplacian_pyramid(cat[:296, :448], 4)
    shown = [np.asarray(np.clip(3 * part.astype(int) + 128, 0, 255), np.uint8) for part in residuals]
    levels = imaging.gaussian_pyramid(cat[:296, :448], 4)
    save("pyramid", stack(strip(levels), strip([*shown, rest])))
    save("letterbox", row([
        ("letterbox --size 320x320", imaging.letterboxed(cat, 320, 320)),
        ("tiles --size 200x160 --overlap 20", spread(imaging.cut_tiles(cat, (160, 200), 20))),
    ], 320))  # fmt: skip


def blocks(picture: Picture) -> Picture:
    """Enlarge pooled pixels to the blocks that they stand for."""
    return imaging.resize(picture, 12 * picture.shape[1], 12 * picture.shape[0], "nearest")


def strip(pictures: Sequence[Picture]) -> Image:
    """Lay pictures of different sizes side by side."""
    height = pictures[0].shape[0]
    filled = [
        np.pad(colour(one), ((0, height - one.shape[0]), (0, GAP), (0, 0)), constant_values=255) for one in pictures
    ]
    return np.concatenate(filled, axis=1)


def spread(tiles: Sequence[imaging.ImageTile]) -> Image:
    """Lay tiles out with gaps between them."""
    ys, xs = (sorted({tile[axis] for tile in tiles}) for axis in (1, 0))
    height, width = tiles[0].image.shape[:2]
    sheet = np.full((len(ys) * (height + GAP) - GAP, len(xs) * (width + GAP) - GAP, 3), 255, np.uint8)
    for tile in tiles:
        top, left = ys.index(tile.y) * (height + GAP), xs.index(tile.x) * (width + GAP)
        sheet[top : top + height, left : left + width] = colour(tile.image)
    return sheet


def quality() -> None:
    flower = imaging.resize(read_image(SKLEARN / "flower.jpg")[60:380, 150:500], 350, 320)
    rows, columns = np.mgrid[:320, :350]
    reflex = 420 * np.exp(-(((rows - 120) ** 2 + (columns - 190) ** 2) / (2 * 45**2)))[..., None]
    faults: list[tuple[str, Picture]] = [
        ("as it is", flower),
        ("blurred", np.asarray(cv2.GaussianBlur(flower, (0, 0), 3), np.uint8)),
        ("moved along 30°", moved(flower, 15, 30)),
        ("noisy", noisy(flower, 20)),
        ("underexposed", np.asarray(flower // 3, np.uint8)),
        ("glare", np.asarray(np.clip(flower + reflex, 0, 255), np.uint8)),
    ]
    save("quality", stack(row(faults[:3], 250), row(faults[3:], 250)))
    for name, picture in [*faults, ("licenseplate_motion", read_image(DATA / "licenseplate_motion.jpg"))]:
        found = imaging.quality(picture)
        print(f"| {name} | {found.blur:.2f} | {found.motion_blur:.2f} | {found.motion_direction_deg:.0f} | "
              f"{found.exposure:+.2f} | {found.noise_sigma:.1f} | {found.glare:.3f} |")  # fmt: skip


def motion() -> None:
    one, two = read_image(DATA / "basketball1.png"), read_image(DATA / "basketball2.png")
    flow = imaging.sparse_flow(one, two)
    camera = imaging.camera_motion(one, two)
    from eyebright.ops import transform_points

    rests = np.linalg.norm(transform_points(camera.matrix, flow.start) - flow.end, axis=1) < 1.5
    save("motion", row([("flow; green rests in the scene", imaging.draw_flow(two, flow, rests))], 420))
    left, right = read_image(DATA / "aloeL.jpg"), read_image(DATA / "aloeR.jpg")
    found = imaging.disparity(left, right, largest=192)
    save("stereo", row([
        ("left", left), ("right", right), ("disparity: red is near, black unknown", imaging.draw_disparity(found)),
    ], 250))  # fmt: skip


def bars(picture: Picture, width: int, height: int) -> Image:
    """Draw the histogram of a picture: one curve of bars a channel, dark values on the left."""
    counts = imaging.histogram(picture)
    tall = np.sqrt(counts / counts.max())  # by root, so that rare values are seen
    sheet = np.full((height, width, 3), 255, np.int64)
    for channel, heights in enumerate(tall):
        levels = np.interp(np.linspace(0, 255, width), np.arange(256), heights)
        filled = np.arange(height)[:, None] >= height * (1 - levels)[None, :]
        for other in range(3):
            if len(tall) == 1 or other != channel:
                sheet[..., other] -= 90 * filled
    return np.asarray(np.clip(sheet, 0, 255), np.uint8)


def sizes() -> None:
    cat = read_image(SKIMAGE / "chelsea.png")
    info = np.pad(bars(cat, 300, 218), ((1, 1), (1, 1), (0, 0)), constant_values=200)
    save("info", row([("cat.png", cat), ("info --histogram: red, green, blue (roots)", info)]))
    small = imaging.resize(cat, 113, 75)
    save("sizes", row([
        ("grey", imaging.grey(cat)), ("resize --longest 113, enlarged", imaging.resize(small, 452, 300, "nearest")),
        ("crop --box 120,60,330,215", imaging.crop(cat, (120, 60, 330, 215))),
    ], 200))  # fmt: skip


def scenes() -> None:
    first, second = read_image(SKIMAGE / "coffee.png"), read_image(SKLEARN / "china.jpg")
    shots = [(first if index < 20 else second)[index : index + 240, index : index + 320] for index in range(40)]
    frames = [Frame(np.ascontiguousarray(shot), index, index / 25, "clip") for index, shot in enumerate(shots)]
    (cut,) = imaging.scene_cuts(frames)
    panels = [(f"frame {index}", shots[index]) for index in (cut.index - 8, cut.index - 1)]
    panels += [(f"frame {index}{': the cut' if index == cut.index else ''}", shots[index])
               for index in (cut.index, cut.index + 8)]  # fmt: skip
    save("scenes", row(panels, 150))


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for part in (sizes, light, leuven, edges, keypoints, filters, quality, motion, scenes):
        part()


if __name__ == "__main__":
    main()
