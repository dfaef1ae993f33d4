"""What each tool of the classic toolbox can be told; the names and ranges are those of `eyebright image`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Side = Field(default=None, ge=1, le=20_000, description="Pixels; alone it keeps the proportions.")
Method = Literal["sift", "orb", "akaze", "surf"]


class Nothing(BaseModel):
    """A tool without parameters."""

    model_config = ConfigDict(extra="forbid")


class Resize(Nothing):
    """To what size."""

    width: int | None = Side
    height: int | None = Side
    longest: int | None = Field(default=None, ge=1, le=20_000, description="Shrink until no side is longer.")
    interpolation: Literal["area", "nearest", "linear", "cubic"] = Field(default="area", description="How.")


class Crop(Nothing):
    """Which part."""

    box: str = Field(max_length=200, description="`x1,y1,x2,y2` in pixels.", examples=["10,20,200,180"])


class Letterbox(Nothing):
    """Into what canvas."""

    width: int = Field(default=640, ge=1, le=20_000, description="Of the canvas, in pixels.")
    height: int = Field(default=640, ge=1, le=20_000, description="Of the canvas, in pixels.")
    fill: int = Field(default=114, ge=0, le=255, description="Grey of the bars.")


class Tiles(Nothing):
    """How large the tiles are."""

    width: int = Field(default=640, ge=8, le=20_000, description="Of a tile, in pixels.")
    height: int = Field(default=640, ge=8, le=20_000, description="Of a tile, in pixels.")
    overlap: int = Field(default=0, ge=0, le=10_000, description="Pixels that neighbours share.")


class Clahe(Nothing):
    """How far, and in what tiles."""

    clip: float = Field(default=2.0, gt=0, le=1000, description="How far contrast may grow.")
    rows: int = Field(default=8, ge=1, le=256, description="Tiles from top to bottom.")
    columns: int = Field(default=8, ge=1, le=256, description="Tiles from left to right.")


class Gamma(Nothing):
    """Which gamma."""

    gamma: float | None = Field(default=None, gt=0, le=100, description="Below 1 brightens; none: estimated.")


class Normalise(Nothing):
    """To what scale."""

    method: Literal["min-max", "mean-std"] = Field(default="min-max", description="What becomes the same.")
    per_channel: bool = Field(default=False, description="Each channel by itself.")
    cut: float = Field(default=0.0, ge=0, lt=0.5, description="Share that min-max may clip at each end.")
    mean: float = Field(default=128.0, ge=0, le=255, description="For mean-std.")
    std: float = Field(default=64.0, gt=0, le=255, description="For mean-std.")


class Deshadow(Nothing):
    """What the picture shows."""

    kind: Literal["scene", "page"] = Field(default="scene", description="What the picture shows.")


class Denoise(Nothing):
    """How."""

    method: Literal["non-local", "bilateral", "median"] = Field(default="non-local", description="The filter.")
    strength: float | None = Field(default=None, gt=0, le=255, description="Noise in grey levels; none: measured.")


class Edges(Nothing):
    """Which edges."""

    method: Literal["sobel", "scharr", "log", "zero-crossings", "canny", "learned"] = Field(
        default="canny", description="The detector; `learned` needs its network fetched."
    )
    low: float | None = Field(default=None, ge=0, le=10_000, description="For canny; none: from the gradient's median.")
    high: float | None = Field(default=None, ge=0, le=10_000, description="For canny; none: likewise.")
    sigma: float | None = Field(default=None, gt=0, le=50, description="Of the smoothing, in pixels.")
    model: str = Field(default="dexined", max_length=200, description="For `learned`: a network of edges, by name.")


class FindKeypoints(Nothing):
    """Which keypoints."""

    method: Method = Field(default="sift", description="The kind of keypoints.")
    limit: int = Field(default=500, ge=1, le=20_000, description="How many of the strongest.")


class Match(Nothing):
    """How two pictures are matched."""

    method: Method = Field(default="sift", description="The kind of keypoints.")
    ratio: float = Field(default=0.8, gt=0, le=1, description="Best to second best distance; 1 is off.")
    mutual: bool = Field(default=True, description="Each must be the other's nearest.")
    threshold: float = Field(default=3.0, gt=0, le=100, description="Pixels that an inlier may be off.")
    limit: int = Field(default=5000, ge=4, le=10_000, description="Keypoints of each picture.")
    draw: bool = Field(default=False, description="Answer with a picture of the agreeing keypoints.")


class Convolve(Nothing):
    """With what kernel."""

    kernel: str = Field(
        max_length=2000, description="A name, or rows such as `0,-1,0;-1,5,-1;0,-1,0`.", examples=["sharpen"]
    )
    offset: float = Field(default=0.0, ge=-255, le=255, description="Added to every result.")


class Pool(Nothing):
    """One pixel a block."""

    size: int = Field(default=2, ge=1, le=1024, description="Side of a block in pixels.")
    method: Literal["max", "mean", "min"] = Field(default="max", description="What a block becomes.")


class Pyramid(Nothing):
    """Which levels."""

    levels: int = Field(default=4, ge=1, le=16, description="The picture itself among them.")
    kind: Literal["gaussian", "laplacian"] = Field(default="gaussian", description="Laplacian: around grey 128.")


class Flow(Nothing):
    """Which points are followed."""

    limit: int = Field(default=1000, ge=1, le=20_000, description="Points to follow.")
    draw: bool = Field(default=False, description="Answer with a picture of where they went.")


class Motion(Nothing):
    """How the camera may have moved."""

    model: Literal["translation", "similarity", "affine", "homography"] = Field(
        default="homography", description="The motions that are looked for."
    )


class Stereo(Nothing):
    """What is known of the two cameras."""

    largest: int = Field(default=128, ge=16, le=1024, description="Disparities to look for, in pixels.")
    block: int = Field(default=5, ge=1, le=51, description="Side of the compared blocks.")
    focal: float | None = Field(default=None, gt=0, description="In pixels, with `baseline`: depth.")
    baseline: float | None = Field(default=None, gt=0, description="Distance of the cameras, any unit.")
    draw: bool = Field(default=True, description="Answer with a picture; else with percentiles.")


class Scenes(Nothing):
    """What counts as a cut."""

    threshold: float | None = Field(default=None, gt=0, lt=1, description="Least change.")
