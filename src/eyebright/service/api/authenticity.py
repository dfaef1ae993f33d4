"""Is this product genuine? Products and their photos, checks, fitting and measuring."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from eyebright.authenticity import Product, make_photos
from eyebright.core.errors import InputError, QueryError
from eyebright.core.types import Image
from eyebright.imaging import fit_within
from eyebright.media import display_path, encode_image
from eyebright.service.api.records import JPEG
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.folders import allowed_folder, new_upload_folder
from eyebright.service.pictures import LONGEST, overlay
from eyebright.service.problems import Refusal, problems
from eyebright.service.settings import Settings
from eyebright.service.state import Shared
from eyebright.service.tasks.authenticity import with_absolute_paths
from eyebright.service.uploads import check_count, contents, decoded, parsed_crop, shown_name

router = APIRouter(prefix="/authenticity", tags=["Authenticity"])

MAX_MADE = 20
"""Simulated photos of each role in one request."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
ProductName = Annotated[str, Form(min_length=1, max_length=200, description="Name of the product.")]
ProductQuery = Annotated[str, Query(min_length=1, max_length=200, description="Name of the product.")]
Photos = Annotated[list[UploadFile], File(description="Photos.")]
Rate = Annotated[float, Field(gt=0, lt=1, description="Share of genuine items that may be called counterfeit.")]
_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


class State(BaseModel):
    """What there is, and what can be done with it."""

    products: int
    queue: int = Field(description="Inconclusive cases that nobody has decided.")
    reads_codes: bool = Field(description="Whether the extra `authenticity` is installed, which reads codes.")
    reads_words: bool = Field(description="Whether text can be read.")
    false_alarm: float = Field(description="The rate that the last fit was asked for.")
    ranked: int = Field(description="Genuine photos that rank a photo; 0: no fit yet.")
    needed: int = Field(description="How many that rate needs.")
    made: bool = Field(description="Whether they are made recaptures of the references.")
    fakes: int = Field(description="Known counterfeits at the last fit.")


class Products(BaseModel):
    """Every product."""

    items: list[Product]


class Regions(BaseModel):
    """The marked places of a product."""

    product: Name
    regions: dict[Name, tuple[float, float, float, float]] = Field(
        max_length=50, description="x1, y1, x2, y2 in pixels of its first reference, as it is served."
    )


class FolderCheck(BaseModel):
    """Which photos to check, each as an item of its own."""

    folder: str = Field(min_length=1, max_length=4000, description="Of the server.")
    product: str = Field(default="", max_length=200, description="What all claim to be; empty: what each looks like.")
    place: str = Field(default="", max_length=200, description="Where they were seen, for the ledger.")


class FitRequest(BaseModel):
    """How to fit."""

    false_alarm: Rate = 0.01
    words: bool = Field(default=False, description="Read the words of all photos too, so that words count in checks.")


@router.get("", summary="What there is", responses=problems(409))
def show_state(services: Shared) -> State:
    """Return what is registered, what was fitted, and what is installed."""
    system = services.authenticity
    known = system.calibration()
    return State(
        products=len(system.products()),
        queue=system.cases.page(undecided=True, limit=1)[1],
        reads_codes=importlib.util.find_spec("zxingcpp") is not None,
        reads_words=importlib.util.find_spec("rapidocr") is not None,
        false_alarm=known.false_alarm,
        ranked=len(known.genuine),
        needed=known.needed,
        made=known.made,
        fakes=known.fakes,
    )


@router.get("/products", summary="List products", responses=problems(409))
def list_products(services: Shared) -> Products:
    """Return every registered product with its marked places and counts of photos."""
    return Products(items=services.authenticity.products())


@router.post("/products", status_code=201, summary="Register a product", responses=problems(409, 415))
def enroll(
    services: Shared,
    product: ProductName,
    files: Photos,
    gtin: Annotated[str, Form(max_length=20, description="8, 12, 13 or 14 digits.")] = "",
    brand: Annotated[str, Form(max_length=200)] = "",
    text: Annotated[list[str] | None, Form(description="Lines that must stand on it.")] = None,
    regions: Annotated[list[str] | None, Form(description="`NAME=x1,y1,x2,y2` in pixels of the first photo.")] = None,
) -> Product:
    """Register a product by reference photos, or add more to one that is known."""
    photos = _decoded(files, services.settings)
    marked = dict(_region(item) for item in regions or [] if item)
    lines = [line for line in text or [] if line.strip()]
    services.authenticity.enroll(product, photos, gtin=gtin, brand=brand, text=lines, regions=marked)
    services.metrics.pictures.labels("authenticity").inc(len(photos))
    return next(one for one in services.authenticity.products() if one.name == product)


@router.put("/products/regions", summary="Mark places of a product", responses=problems(404, 409))
def mark(services: Shared, body: Regions) -> Product:
    """Replace the marked places, such as a logo or a seal."""
    known_product(services, body.product)
    services.authenticity.mark(body.product, body.regions)
    return known_product(services, body.product)


@router.post("/products/samples", status_code=201, summary="Add labelled photos", responses=problems(404, 409, 415))
def add_samples(
    services: Shared,
    product: ProductName,
    files: Photos,
    label: Annotated[Literal["genuine", "counterfeit"], Form(description="What they are.")],
    kind: Annotated[str, Form(max_length=100, description="What kind of counterfeit.")] = "",
) -> Product:
    """Add photos of known genuine items, or of known counterfeits; they count from the next fit on."""
    known_product(services, product)
    photos = _decoded(files, services.settings)
    if label == "genuine":
        services.authenticity.add_genuine(product, photos)
    else:
        services.authenticity.add_fake(product, photos, kind=kind)
    return known_product(services, product)


@router.get(
    "/products/reference", summary="A reference view", response_class=Response, responses={**problems(404, 409), **JPEG}
)
def reference(
    services: Shared,
    product: ProductQuery,
    number: Annotated[int, Query(ge=0, le=10_000, description="Which one, from 0.")] = 0,
    size: Annotated[int, Query(ge=16, le=LONGEST, description="Pixels of the longer side, at most.")] = LONGEST,
) -> Response:
    """Return a reference of a product as it is stored, or smaller."""
    try:
        picture = services.authenticity.reference(product, number)
    except QueryError as error:
        raise Refusal(404, "product", str(error)) from error
    return jpeg(picture, size)


@router.delete("/products", status_code=204, summary="Forget a product", responses=problems(404, 409))
def forget(services: Shared, product: ProductQuery) -> None:
    """Remove a product with its photos; its serials and cases stay."""
    known_product(services, product)
    services.authenticity.forget(product)


@router.post("/check", summary="Check an item", responses=problems(404, 409, 415))
def check(
    services: Shared,
    files: Photos,
    product: Annotated[str, Form(max_length=200, description="What it claims to be; empty: what it looks like.")] = "",
    serial: Annotated[str, Form(max_length=200, description="Its serial number, where it is in no code.")] = "",
    place: Annotated[str, Form(max_length=200, description="Where it was seen, for the ledger.")] = "",
    codes: Annotated[bool, Form(description="Read the codes.")] = True,
    words: Annotated[bool, Form(description="Read the words too, about a second a photo.")] = False,
) -> dict[str, Any]:
    """Check one item by one or more photos; the answer is stored as a case."""
    if product:
        known_product(services, product)
    photos = _decoded(files, services.settings)
    result = services.authenticity.check(
        photos, product=product or None, serial=serial, place=place, codes=codes, words=words
    )
    services.metrics.pictures.labels("authenticity").inc(len(photos))
    return services.authenticity.case(result.case_id)


@router.post("/check/folder", status_code=202, summary="Check each photo of a folder", responses=problems(404, 409))
def check_folder(services: Shared, body: FolderCheck) -> JobAccepted:
    """Check each photo of a folder in the background, as an item of its own; the answers are stored as cases."""
    if body.product:
        known_product(services, body.product)
    root = allowed_folder(services.settings, body.folder)
    arguments = {
        "home": str(services.home),
        "folder": str(root),
        "roots": [str(one) for one in services.settings.roots],
        "product": body.product or None,
        "place": body.place,
    }
    job = services.jobs.enqueue("authenticity.check", arguments, title=f"Check {display_path(root.name)}")
    return JobAccepted(job=JobView.of(job))


@router.post("/compare", summary="Compare two pictures", responses=problems(415))
def compare_pictures(
    services: Shared,
    reference: Annotated[UploadFile, File(description="A picture.")],
    photo: Annotated[UploadFile, File(description="What is laid over it.")],
    draw: Annotated[bool, Query(description="Give the heat map too, as a PNG in base64.")] = False,
) -> dict[str, Any]:
    """Lay one picture over another and say where they differ; boxes are in pixels of the second."""
    first, second = (decoded(file, services.settings) for file in (reference, photo))
    found = services.authenticity.compare(first, second)
    if found is None:
        return {"registered": False, "regions": []}
    return {**found.facts(), **({"heat": overlay(first, found.heat)} if draw else {})}


@router.post(
    "/simulate", summary="Make recaptures and counterfeits", response_class=Response,
    responses={**problems(415), 200: {"description": "Photos and `labels.csv`.", "content": _ZIP}},
)  # fmt: skip
def simulate(
    services: Shared,
    photo: Annotated[UploadFile, File(description="The genuine one.")],
    genuine: Annotated[int, Query(ge=0, le=MAX_MADE, description="How many recaptures.")] = 3,
    fake: Annotated[int, Query(ge=0, le=MAX_MADE, description="How many counterfeits.")] = 3,
    seed: Annotated[int, Query(ge=0, le=2**31, description="Another for testing than for fitting.")] = 0,
    kinds: Annotated[list[str] | None, Query(max_length=50, description="Of counterfeits; none: all possible.")] = None,
    logo: Annotated[
        str | None, Query(max_length=200, description="`x1,y1,x2,y2`, where the logo is, for moved and swapped.")
    ] = None,
) -> Response:
    """Return photos as a phone would take them, of the genuine item and of counterfeits of named kinds."""
    whole = decoded(photo, services.settings)
    picture = fit_within(whole, LONGEST)
    box = None if not logo else _region(f"logo={logo}")[1]
    if box is not None:  # in pixels of what was sent
        scale = picture.shape[1] / whole.shape[1]
        box = (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale)
    lines = ["path,product,role,kind,boxes"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, made in enumerate(
            make_photos(picture, genuine, fake, seed=seed, kinds=tuple(kinds or ()) or None, logo=box)
        ):
            name = f"{number:04d}_{made.kind}.png"
            archive.writestr(name, encode_image(made.image, "png"))
            boxes = ";".join(" ".join(f"{v:.1f}" for v in box) for box in made.boxes)
            role = "genuine,," if made.kind == "genuine" else f"counterfeit,{made.kind},"
            lines.append(f"{name},product,{role}{boxes}")
        archive.writestr("labels.csv", "\n".join(lines) + "\n")
    return Response(out.getvalue(), media_type="application/zip")


@router.post("/fit", status_code=202, summary="Learn from labelled photos", responses=problems(409))
def fit(services: Shared, body: FitRequest | None = None) -> JobAccepted:
    """Learn how genuine photos look, and how known fakes do, in the background."""
    arguments = {"home": str(services.home), **(body or FitRequest()).model_dump()}
    job = services.jobs.enqueue("authenticity.fit", arguments, title="Learn how genuine photos look")
    return JobAccepted(job=JobView.of(job))


@router.post("/eval", status_code=202, summary="Measure on labelled photos", responses=problems(404))
def evaluate(
    services: Shared,
    manifest: Annotated[UploadFile, File(description="A CSV table: path, product, role, and serial, kind, boxes.")],
    folder: Annotated[str, Form(min_length=1, max_length=4000, description="To which the paths are relative.")],
    false_alarm: Annotated[float, Form(gt=0, lt=1)] = 0.01,
    ledger: Annotated[
        UploadFile | None, File(description="A CSV table of the serials that were given out: serial, product.")
    ] = None,
    fit: Annotated[
        bool | None, Form(description="Learn from made recaptures first; left out: where references are at most 25.")
    ] = None,
) -> JobAccepted:
    """Measure in the background, in a store of its own; the registered products are not touched."""
    root = allowed_folder(services.settings, folder)
    text = with_absolute_paths(shown_name(manifest), contents(manifest), root, services.settings.roots)
    path = new_upload_folder(services.settings) / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    arguments: dict[str, Any] = {
        "home": str(services.home),
        "manifest": str(path),
        "false_alarm": false_alarm,
        "fit": fit,
    }
    if ledger is not None and ledger.size:
        path.with_name("ledger.csv").write_bytes(contents(ledger))
        arguments["ledger"] = str(path.with_name("ledger.csv"))
    job = services.jobs.enqueue("authenticity.eval", arguments, title="Measure authenticity")
    return JobAccepted(job=JobView.of(job))


def known_product(services: Shared, name: str) -> Product:
    """Return a product.

    Raises:
        Refusal: there is none of this name.
    """
    found = next((one for one in services.authenticity.products() if one.name == name), None)
    if found is None:
        raise Refusal(404, "product", f"there is no product {name!r:.200}")
    return found


def jpeg(picture: Image, size: int) -> Response:
    """Return a picture as a JPEG of at most `size` pixels a side."""
    data = encode_image(fit_within(np.ascontiguousarray(picture), size), "jpeg", 88)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


def _decoded(files: list[UploadFile], settings: Settings) -> list[tuple[str, Image]]:
    check_count(files, settings)
    return [(shown_name(file), decoded(file, settings)) for file in files]


def _region(text: str) -> tuple[str, tuple[float, float, float, float]]:
    name, _, numbers = text.partition("=")
    try:
        box = parsed_crop(numbers)
    except QueryError:
        box = None
    if box is None or not name.strip():
        raise InputError(f"regions: expected NAME=x1,y1,x2,y2, got {text!r:.100}")
    return name.strip(), box
