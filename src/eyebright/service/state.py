"""What all requests share, and the collaborators that routes ask for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Request

from eyebright.core.types import Detections
from eyebright.jobs import JobQueue
from eyebright.models import ImageClassifier, default_threads, load_model
from eyebright.search import Encoded, ImageSearch
from eyebright.service.live import LiveViews
from eyebright.service.metrics import Metrics
from eyebright.service.pictures import Pictures
from eyebright.service.settings import Settings
from eyebright.service.tasks import KINDS
from eyebright.service.uploads import Remembered

if TYPE_CHECKING:
    from eyebright.authenticity import AuthenticityChecker
    from eyebright.faces import FaceRecognizer
    from eyebright.service.watching import Sightings

MAX_STREAMS = 32
"""Job event streams at once."""


class Services:
    """Everything behind the routes of one application; opened by `start`, closed by `stop`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home_folder
        self.search = ImageSearch(home=self.home)
        self.metrics = Metrics()
        self.metrics.watch(self.search, self.home / "search", lambda: self.jobs)
        self.pictures = Pictures(settings)
        self.encoded: Remembered[Encoded] = Remembered(64)
        self.finders: Remembered[Any] = Remembered(6)  # what looks at pictures, loaded
        self.found: Remembered[Detections] = Remembered(64)
        self.looking = threading.Lock()
        self.live = LiveViews(settings.max_live, settings.live_idle_s)
        self.stopping = threading.Event()
        self.streams = threading.Semaphore(MAX_STREAMS)
        # a whole picture a thread, with single-threaded runs; twice the cores, so that while some threads wait for the
        # interpreter's lock, which the event loop holds when it parses uploads, others keep the cores busy
        self.classifying = ThreadPoolExecutor(2 * default_threads(), thread_name_prefix="classify")
        self._classifiers: dict[str, ImageClassifier] = {}
        self._sightings: Sightings | None = None
        self._authenticity: AuthenticityChecker | None = None
        self._faces: dict[tuple[str, int, int | None], FaceRecognizer] = {}
        self._jobs: JobQueue | None = None
        self._lock = threading.Lock()

    @property
    def jobs(self) -> JobQueue:
        """The queue of background jobs; opening it makes its folder."""
        with self._lock:
            if self._jobs is None:
                workers, waiting = self.settings.job_workers, self.settings.max_queued
                self._jobs = JobQueue(self.home / "jobs", KINDS, workers=workers, max_queued=waiting)
            return self._jobs

    @property
    def authenticity(self) -> AuthenticityChecker:
        """The checker of products; nothing is read until it is asked."""
        with self._lock:
            if self._authenticity is None:
                from eyebright.authenticity import AuthenticityChecker

                self._authenticity = AuthenticityChecker(home=self.home)
            return self._authenticity

    @property
    def faces(self) -> FaceRecognizer:
        """The recogniser of people; its networks are loaded when it is first asked."""
        return self.recogniser()

    def recogniser(self, min_face: int = 40, threads: int | None = None) -> FaceRecognizer:
        """Return a recogniser of the one gallery, with the embedder that the gallery belongs to now."""
        with self._lock:
            from eyebright.faces import FaceRecognizer
            from eyebright.faces.spaces import kept_embedder

            chosen = kept_embedder(self.home / "faces"), min_face, threads
            if chosen not in self._faces:
                self._faces[chosen] = FaceRecognizer(self.home, embedder=chosen[0], min_face=min_face, threads=threads)
            return self._faces[chosen]

    @property
    def sightings(self) -> Sightings:
        """Whom live views have recognised."""
        with self._lock:
            if self._sightings is None:
                from eyebright.service.watching import Sightings

                self._sightings = Sightings()
            return self._sightings

    def loaded_classifier(self, name: str) -> ImageClassifier | None:
        """Return a classifier that was used before, and is therefore on this machine."""
        return self._classifiers.get(name)

    def classifier(self, name: str) -> ImageClassifier:
        """Return a classifier of the catalogue; every request shares it."""
        with self._lock:
            if name not in self._classifiers:
                self._classifiers[name] = load_model(name, task="classification", home=self.home, threads=1)
            return self._classifiers[name]

    def prepare(self) -> None:
        """Make what must be there before anything is served; see `JobQueue` for the errors."""
        _ = self.jobs

    def start(self) -> None:
        """Begin to run background jobs."""
        self.jobs.start()

    def stop(self) -> None:
        """End streams, jobs and threads; no process is left when it returns."""
        self.stopping.set()
        self.live.close()
        if self._jobs is not None:
            self._jobs.stop()
        self.classifying.shutdown(cancel_futures=True)
        self.search.close()


def install(app: FastAPI, services: Services) -> None:
    """Give an application its services."""
    app.state.services = services
    app.state.settings = services.settings
    app.state.search = services.search


async def services_of(request: Request) -> Services:
    """Return the services of the application that a request came to."""
    # asynchronous, since a plain function would cost every request a change of threads
    services: Services = request.app.state.services
    return services


Shared = Annotated[Services, Depends(services_of)]
