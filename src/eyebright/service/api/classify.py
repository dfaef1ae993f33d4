"""What pictures show."""

from __future__ import annotations

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Query, UploadFile
from pydantic import BaseModel, Field

from eyebright.core.errors import MediaError
from eyebright.models import ImageClassifier, status
from eyebright.service import problems as errors
from eyebright.service.api.models import known_card
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import check_count, decoded_bytes, shown_name

router = APIRouter(tags=["Classify"])
DEFAULT_MODEL = "efficientnet_lite0"


class Label(BaseModel):
    """One class that a picture may show."""

    label: str = Field(examples=["tabby, tabby cat"])
    score: float = Field(description="Probability.", examples=[0.61])
    class_id: int = Field(description="Index among the model's classes.", examples=[281])


class Classified(BaseModel):
    """What one picture shows, or why it could not be told."""

    name: str = Field(description="As the client calls the file.", examples=["cat.jpg"])
    labels: list[Label] | None = Field(default=None, description="Likeliest first.")
    problem: str | None = None


class Classification(BaseModel):
    """What the pictures show, in their order."""

    model: str
    results: list[Classified]


@router.post("/classify", summary="Name what pictures show", responses=problems(404, 409, 415))
async def classify(
    services: Shared,
    files: Annotated[list[UploadFile], File(description="One or more pictures.")],
    top: Annotated[int, Query(ge=1, le=1000, description="Classes of each picture.")] = 5,
    model: Annotated[str | None, Query(max_length=200, description="A classifier of the catalogue.")] = None,
) -> Classification:
    """Name what pictures show, likeliest first.

    A picture that cannot be read has a `problem` in place of its `labels`; when none can be read, that is the answer.
    """
    check_count(files, services.settings)
    name = model or DEFAULT_MODEL
    classifier = services.loaded_classifier(name)
    if classifier is None:
        classifier = await asyncio.to_thread(usable_classifier, services, name)
    loop, work = asyncio.get_running_loop(), []
    for file in files:
        job = (services, classifier, await file.read(), shown_name(file), top)
        work.append(loop.run_in_executor(services.classifying, _one, *job))
    results, refused = [], []
    for file, outcome in zip(files, await asyncio.gather(*work, return_exceptions=True), strict=True):
        if isinstance(outcome, MediaError):
            refused.append(outcome)
            results.append(Classified(name=shown_name(file), problem=" ".join(str(outcome).split())))
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            results.append(Classified(name=shown_name(file), labels=outcome))
    if len(refused) == len(files):
        raise refused[0]
    for error in refused:
        services.metrics.refused.labels(errors.of_error(error)[1]).inc()
    services.metrics.pictures.labels("classify").inc(len(files) - len(refused))
    return Classification(model=classifier.card.name, results=results)


def _one(services: Services, classifier: ImageClassifier, data: bytes, name: str, top: int) -> list[Label]:
    image = decoded_bytes(data, name, services.settings)
    scores = classifier.classify([image])[0]
    labels = classifier.labels
    best = np.argsort(-scores, kind="stable")[:top]
    return [
        Label(label=labels[index] if labels else str(index), score=float(scores[index]), class_id=index)
        for index in best.tolist()
    ]


def usable_classifier(services: Services, name: str) -> ImageClassifier:
    """Return a classifier whose weights are on this machine.

    Raises:
        Refusal: no such model, one for another task, or one that must be fetched first.
    """
    card = known_card(name)
    if "classification" not in card.abilities:
        raise Refusal(422, "model", f"{card.name}: cannot classify; its card offers {', '.join(card.abilities)}")
    if status(card, home=services.home).state == "absent":
        raise Refusal(
            409, "model", f"{card.name}: is not on this machine; fetch it first: POST /models/{card.name}/pull"
        )
    return services.classifier(card.name)
