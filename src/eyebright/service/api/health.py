"""Whether the server lives and is ready."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from eyebright.service.problems import problems

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    """The server answers."""

    status: str = Field(examples=["ok"])


@router.get("/health", summary="Whether the server lives", responses=problems())
async def health() -> Health:
    """Answer at once, whatever the server is busy with. Needs no token."""
    return Health(status="ok")
