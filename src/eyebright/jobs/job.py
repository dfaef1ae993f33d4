"""What is known of one background job."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
"""In the order of a job's life; the last three are ends."""
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A background job as it stood when it was asked for.

    Attributes:
        id: given by the queue.
        kind: what it does, one of the queue's kinds.
        title: what it does, for people.
        state: `queued`, `running`, `done`, `failed` or `cancelled`.
        done: steps finished.
        total: steps there are; None: not known.
        stage: what it is busy with.
        rate: steps a second; None: not known.
        created_at: ISO 8601, UTC, like all times here.
        started_at: of the latest attempt; None: not yet.
        finished_at: None: not yet.
        result: what it returned, plain values; None before it is done.
        problem: why it failed, in one line; None otherwise.
        attempts: how often it was started; more than once when a worker process or the server died.
        cancelling: whether somebody asked it to end.
        arguments: what it was given.
    """

    id: str
    kind: str
    title: str
    state: State
    done: int
    total: int | None
    stage: str
    rate: float | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    result: Any
    problem: str | None
    attempts: int
    cancelling: bool
    arguments: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED
