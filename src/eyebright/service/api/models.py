"""The catalogue of models."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from eyebright.models import ModelCard, all_cards, status
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared

router = APIRouter(tags=["Models"])
ModelName = Annotated[str, Path(max_length=200, description="A name of the catalogue.")]


class ModelView(BaseModel):
    """One model of the catalogue."""

    name: str = Field(examples=["efficientnet_lite0"])
    task: str = Field(examples=["classification"])
    abilities: list[str] = Field(examples=[["classification", "embedding", "features"]])
    licence: str = Field(examples=["Apache-2.0"])
    licence_url: str
    author: str
    size_bytes: int = Field(description="Of the file as it travels; 0: not known.")
    source: str = Field(description="`package`, `hub` or `file`.")
    present: bool = Field(description="Whether its weights are on this machine.")
    sha256: str | None = Field(description="Hash that the file must have; null: locked at the first download.")
    input_size: list[int] = Field(description="Height and width in pixels.", examples=[[224, 224]])
    note: str


class ModelPage(BaseModel):
    """The catalogue."""

    items: list[ModelView]


@router.get("/models", summary="List the models", responses=problems())
def list_models(services: Shared) -> ModelPage:
    """Return the whole catalogue: task, licence, size, source, and what is already here."""
    return ModelPage(items=[_shown(services, card) for card in all_cards()])


@router.get("/models/{name}", summary="Show a model", responses=problems(404))
def show_model(services: Shared, name: ModelName) -> ModelView:
    """Return one model of the catalogue."""
    return _shown(services, known_card(name))


@router.post("/models/{name}/pull", status_code=202, summary="Fetch a model", responses=problems(404))
def pull_model(services: Shared, name: ModelName) -> JobAccepted:
    """Build or download a model in the background, verified by its SHA-256."""
    return _queued(services, "models.pull", name, "Fetch")


@router.post("/models/{name}/verify", status_code=202, summary="Check a model's file", responses=problems(404))
def verify_model(services: Shared, name: ModelName) -> JobAccepted:
    """Hash the file of a model again, in the background."""
    return _queued(services, "models.verify", name, "Check")


def known_card(name: str) -> ModelCard:
    """Return a card of the catalogue; paths of files, which the command line takes too, are not for clients.

    Raises:
        Refusal: there is no such model.
    """
    card = next((card for card in all_cards() if card.name == name), None)
    if card is None:
        names = ", ".join(card.name for card in all_cards())
        raise Refusal(404, "model", f"there is no model {name!r:.100} in the catalogue; it has {names}")
    return card


def _queued(services: Services, kind: str, name: str, verb: str) -> JobAccepted:
    card = known_card(name)
    arguments = {"home": str(services.home), "name": card.name}
    return JobAccepted(job=JobView.of(services.jobs.enqueue(kind, arguments, title=f"{verb} {card.name}")))


def _shown(services: Services, card: ModelCard) -> ModelView:
    found = status(card, home=services.home)
    facts: dict[str, Any] = {
        name: getattr(card, name)
        for name in ("name", "task", "licence", "licence_url", "author", "size_bytes", "source", "note")
    }
    return ModelView(
        **facts,
        abilities=list(card.abilities),
        present=found.state == "present",
        sha256=found.expected,
        input_size=list(card.input_size),
    )
