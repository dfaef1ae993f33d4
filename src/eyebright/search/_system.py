"""`ImageSearch`: a shop's catalogue, searched by pictures, words and filters."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from eyebright.core.errors import InputError, QueryError
from eyebright.core.protocols import Store
from eyebright.core.types import Image, Metadata, Records
from eyebright.imaging import NEAR_DUPLICATE_DISTANCE, hashes_from_text, perceptual_hash
from eyebright.imaging import crop as cut
from eyebright.media import Listing, display_path, list_images, read_image
from eyebright.media.home import home_dir
from eyebright.models import default_threads
from eyebright.search import _columns as c
from eyebright.search._boost import Boost, parse_boost
from eyebright.search._browse import Browsing
from eyebright.search._duplicates import DuplicateGroup, duplicates_in_folder, duplicates_in_store
from eyebright.search._encoder import Encoded, make_encoder
from eyebright.search._engine import DEFAULT_MODEL, SAMPLE, Engine, attribute_text
from eyebright.search._evaluate import evaluate
from eyebright.search._explain import explain as explain_hits
from eyebright.search._index import Indexer
from eyebright.search._library import FITTED_ON, MODEL, Library
from eyebright.search._metadata import read_metadata
from eyebright.search._plan import Plan, hits
from eyebright.search._reading import WORKING_SIDE, Progress, describe, relative_name
from eyebright.search._reindex import ReindexReport, reindex
from eyebright.search._report import save_duplicate_sheet, save_duplicates, save_results
from eyebright.search._results import IndexReport, Info, QueryResult
from eyebright.search._sessions import Judged, Sessions
from eyebright.search._threads import one_thread_a_task

_Box = tuple[float, float, float, float]


class ImageSearch(Browsing):
    """An image search engine in a folder.

    Args:
        store: the folder; None: `search/` in the home.
        home: see `eyebright.media.home.home_dir`; models are kept there too.
        model: catalogue name or path of an ONNX file; None: what the store was made with, else `efficientnet_lite0`.
        threads: pictures described at once while indexing; None: the number of cores.

    Nothing is read or written until it is needed. One object may be used by several threads.
    """

    def __init__(
        self,
        store: Path | str | None = None,
        *,
        home: Path | str | None = None,
        model: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._home = None if home is None else Path(home)
        self._library = Library(Path(store) if store is not None else home_dir(home) / "search")
        self._threads = threads or default_threads()
        self._engine = Engine(self._library, self._home, model, self._threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the store; the object may be used again."""
        self._engine.close()

    # ---------------------------------------------------------------- filling

    def index(
        self,
        folder: Path | str,
        metadata: Path | str | None = None,
        *,
        types: Mapping[str, str] | None = None,
        prune: bool = False,
        only: Sequence[Path] | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> IndexReport:
        """Index a folder with everything below it. Run it again at any time: only what changed is done.

        Files whose size and time are unchanged are skipped without reading; others are recognised by the SHA-256 of
        their content, also when they moved. A damaged file is listed in the report and the rest is done.

        Args:
            folder: pictures, in any depth.
            metadata: a CSV table; see `read_metadata`.
            types: column types that are not to be guessed (`text`, `integer`, `real`, `boolean`).
            prune: remove the records of this folder whose file is gone.
            only: these files of the folder, and no others.
            progress: called after each file.

        Raises:
            InputError: no such folder, or no picture in it.
            MetadataError: a table that does not fit.
            StoreError: the store cannot be written, or holds vectors of another model.
        """
        root, began = Path(folder).resolve(), time.perf_counter()
        listing = list_images(root) if only is None else Listing(tuple(only), ())
        if not listing.paths:
            more = f" ({len(listing.problems)} unreadable)" if listing.problems else ""
            raise InputError(f"{display_path(root)}: expected pictures in this folder or below, found none{more}")
        report = IndexReport(problems=list(listing.problems))
        rows = None
        if metadata is not None:
            names = [relative_name(root, path) for path in listing.paths]
            rows, report.rows_without_file = read_metadata(Path(metadata), types).match(names)
            report.files_without_row = len(names) - len(rows)
        with self._library.writing(), one_thread_a_task():
            encoder = self._engine.encoder(1)
            ready = self._engine.first_fit(encoder, listing.paths, progress)
            store = self._engine.store(encoder)
            indexer = Indexer(store, self._library.turn, encoder, self._threads, ready)
            indexer.run(root, listing.paths, rows, report, progress)
            if prune and report.gone:
                report.pruned = store.remove(report.gone)
        report.seconds = time.perf_counter() - began
        return report

    def add(
        self,
        images: Sequence[Path | str | Image],
        *,
        ids: Sequence[str] | None = None,
        metadata: Metadata | None = None,
    ) -> list[str]:
        """Add single pictures and return their ids; a given id that is there already is replaced.

        Args:
            images: files, or RGB arrays `uint8 (H, W, 3)`, which need `ids`.
            ids: one a picture; by default the file's name.
            metadata: the same for all of them.

        Raises:
            InputError: no pictures, ids of another number, an array without an id, an unreadable file, or another
                picture that has the file's name as its id.
        """
        if not images or (ids is not None and len(ids) != len(images)):
            raise InputError(f"add: expected pictures and as many ids, got {len(images)} and {len(ids or ())}")
        with self._library.writing():
            encoder, names, rows, raws = self._engine.encoder(1), [], [], []
            for number, item in enumerate(images):
                image, facts, name = self._load(item)
                if ids is None and not name:
                    raise InputError("add: a picture from memory needs an id")
                described = describe(encoder, image)
                raws.append(described.raw)
                rows.append({**(metadata or {}), **facts, **described.facts})
                names.append(name if ids is None else ids[number])
            if self._library.current() is None:
                encoded = self._engine.create(encoder, raws)
            else:
                encoded = [encoder.encode(raw) for raw in raws]
            store = self._engine.store(encoder)
            vectors = np.stack([item.vector for item in encoded])
            with self._library.turn():
                if ids is None:
                    _refuse_taken(store, names, rows)
                store.add(Records.of(names, vectors, rows, [item.payload for item in encoded]))
        return names

    def update(self, id: str, *, image: Path | str | Image | None = None, metadata: Metadata | None = None) -> None:  # noqa: A002  (the verb's own word)
        """Change one record: some metadata values (None removes one), or its picture, or both.

        Raises:
            QueryError: there is no such record.
        """
        with self._library.writing():
            store = self._engine.store()
            old = store.metadata([id])[0]
            new = {**old, **(metadata or {})}
            new = {name: value for name, value in new.items() if value is not None}
            if image is None:
                store.annotate([id], [new])
                return
            encoder = self._engine.encoder(1)
            picture, facts, _ = self._load(image)
            described = describe(encoder, picture)
            encoded = encoder.encode(described.raw)
            row = {**c.own(new), **facts, **described.facts}
            store.add(Records.of([id], encoded.vector[None], [row], [encoded.payload]))

    def remove(self, ids: Sequence[str] = (), *, where: str | None = None) -> int:
        """Remove records by id, or all that a filter admits, and return how many.

        Raises:
            QueryError: neither or both given, an unknown id (nothing is removed then), or a wrong filter.
        """
        if bool(ids) == (where is not None):
            raise QueryError("remove: expected ids or a filter (--where), one of the two")
        with self._library.writing():
            store = self._engine.store()
            chosen = list(ids) if where is None else store.ids(where=where)
            missing = [i for i, there in zip(chosen, store.contains(chosen), strict=True) if not there]
            if missing:
                raise QueryError(
                    f"remove: no record {missing[0]!r}" + (f" and {len(missing) - 1} more" * (len(missing) > 1))
                )
            return store.remove(chosen)

    def reindex(self, model: str | None = None, *, progress: Callable[[Progress], None] | None = None) -> ReindexReport:
        """Describe every picture anew, with another model or a whitening learned from what is there now.

        The old index answers until the new one is whole; then it is replaced at once.

        Raises:
            StoreError: pictures are no longer where they were (they are named, nothing is changed).
        """
        with self._library.writing(alone=True), one_thread_a_task():
            old = self._engine.store()
            name = model or attribute_text(old, MODEL) or DEFAULT_MODEL
            encoder = make_encoder(name, self._home, 1)
            report = reindex(self._library, old, encoder, name, SAMPLE, self._threads, progress)
            self.close()
            self._engine.wanted_model = name
            self._library.sweep()
        return report

    # ---------------------------------------------------------------- asking

    def info(self) -> Info:
        """Return what the store holds; an empty one before the first indexing."""
        if self._library.current() is None:
            model = self._engine.wanted_model or DEFAULT_MODEL
            return Info(self._library.folder, 0, model, "", 0, {}, {}, [])
        store = self._engine.store()
        _, roots = c.values(store, c.ROOT)
        names = [display_path(path) if (path := c.text_to_path(root)) else "(added singly)" for root in roots]
        folders = {name: names.count(name) for name in sorted(set(names))}
        columns = {name: kind for name, kind in store.columns().items() if not name.startswith("_")}
        fitted = int((store.get_attribute(FITTED_ON) or b"0").decode())
        sessions = Sessions(self._library.sessions).names() if self._library.sessions.exists() else []
        model = attribute_text(store, MODEL) or ""
        return Info(self._library.folder, len(store), model, str(store.space), fitted, folders, columns, sessions)

    def query(
        self,
        images: Sequence[Path | str | Image | Encoded] | Path | str | Image | Encoded = (),
        *,
        id: str | None = None,  # noqa: A002  (the verb's own word)
        text: str | None = None,
        k: int = 10,
        offset: int = 0,
        where: str | None = None,
        crop: _Box | None = None,
        group_by: str | None = None,
        explain: bool = False,
        by: Literal["looks", "hash"] = "looks",
        session: str | None = None,
        boost: Sequence[str | Boost] = (),
        html: Path | str | None = None,
    ) -> list[QueryResult]:
        """Find the records most like each picture.

        Args:
            images: files, RGB arrays or what `encode` made of one; each is a query of its own. None, with `id`, `text`
                or `session`: one query.
            id: of a record, as the query; it is not among its own answers.
            text: words that the metadata's text should hold; with a picture both ranks count alike.
            k: answers a query, at least 1.
            offset: answers to skip, for paging.
            where: a filter over the metadata columns, such as `brand = 'Arla' and price < 20`.
            crop: the part of the query pictures that counts, in pixels.
            group_by: a column; only the best record of each of its values is returned.
            explain: give every answer maps of the regions that made the two pictures alike.
            by: `looks` compares vectors, `hash` finds copies by perceptual hash.
            session: rank with the feedback that was given under this name.
            boost: `EXPRESSION:FACTOR`; records that fulfil the expression count that many times.
            html: also write a report with the pictures.

        Raises:
            QueryError: k, offset, crop, filter, column or id is wrong, or nothing to search with was given.
            MediaError: a query picture cannot be read.
            StoreError: there is no index yet.
        """
        if k < 1 or offset < 0:
            raise QueryError(f"query: expected k of 1 or more and an offset of 0 or more, got k={k}, offset={offset}")
        if by not in ("looks", "hash"):
            raise QueryError(f"query: expected by 'looks' or 'hash', got {by!r}")
        boosts = [item if isinstance(item, Boost) else parse_boost(item) for item in boost]
        single = isinstance(images, Path | str | np.ndarray | Encoded)
        pictures: list[Path | str | Image | Encoded] = [images] if single else list(images)  # type: ignore[list-item, arg-type]  # `single` says which it is
        if pictures and id is not None:
            raise QueryError("query: expected pictures or an id, got both")
        if not pictures and id is None and not text and session is None:
            raise QueryError("query: expected a picture, an id, words or a session to search with")
        if by == "hash" and not pictures and id is None:
            raise QueryError("query: a search by hash needs a picture or an id")
        store = self._engine.store()
        if group_by is not None and group_by not in store.columns():
            raise QueryError(f"query: no column {group_by!r} to group by; there are {', '.join(store.columns())}")
        judged = Sessions(self._library.sessions).judged(session) if session is not None else Judged([], [])
        plan = Plan(k, offset, where, group_by, by, text, judged, boosts)
        asked: list[Path | str | Image | Encoded | None] = [*pictures] or [None]
        results = [self._one(store, plan, picture, id, crop, explain=explain) for picture in asked]
        if html is not None:
            save_results(Path(html), results)
        return results

    def feedback(
        self, session: str, *, like: Sequence[str] = (), dislike: Sequence[str] = (), clear: bool = False
    ) -> Judged:
        """Say which answers were right and wrong; the next query with this session ranks with it at once.

        Args:
            session: any name; sessions last until they are cleared.
            like: ids.
            dislike: ids.
            clear: forget what the session said before.

        Raises:
            QueryError: an id that is not there, or one both liked and disliked.
        """
        store = self._engine.store()
        asked = [*like, *dislike]
        for i, there in zip(asked, store.contains(asked), strict=True):
            if not there:
                raise QueryError(f"feedback: no record {i!r}; ids are those that a query prints")
        sessions = Sessions(self._library.sessions)
        if clear:
            sessions.clear(session)
        return sessions.judge(session, like, dislike)

    def duplicates(
        self,
        folder: Path | str | None = None,
        *,
        distance: int = NEAR_DUPLICATE_DISTANCE,
        html: Path | str | None = None,
        sheet: Path | str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> list[DuplicateGroup]:
        """Find exact copies and near ones (resized, recompressed, relit) by perceptual hash.

        Args:
            folder: look there, without an index; None: among the indexed pictures.
            distance: bits of 128 that may differ.
            html: also write a report.
            sheet: also draw a contact sheet.
            progress: called after each file of a folder.
        """
        if not 0 <= distance <= 64:
            raise QueryError(f"duplicates: expected a distance of 0 to 64 bits, got {distance}")
        if folder is not None:
            found = duplicates_in_folder(Path(folder).resolve(), distance, self._threads, progress)
        else:
            found = duplicates_in_store(self._engine.store(), distance)
        if html is not None:
            save_duplicates(Path(html), found)
        if sheet is not None:
            save_duplicate_sheet(Path(sheet), found)
        return found

    def eval(
        self,
        gallery: Path | str,
        queries: Path | str,
        *,
        exclude_self: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> dict[str, float | None]:
        """Measure the search on labelled lists; the store of this object is not touched.

        Args:
            gallery: lines `path, label[, coarse label]`, paths relative to the list's folder.
            queries: the same.
            exclude_self: leave the query's own file out of its answers.
            progress: called after each gallery picture.

        Returns:
            recall@1, recall@5, recall@10, map, coarse_recall@1, feedback_precision@10_before,
            feedback_precision@10_after, images_per_s, query_p50_ms, query_p95_ms; None where undefined. Labels are
            used for these figures only, never for ranking.
        """
        if self._engine.wanted_model is None and self._library.current() is not None:
            self._engine.wanted_model = attribute_text(self._engine.store(), MODEL)
        with (
            tempfile.TemporaryDirectory(prefix="eyebright-eval-") as folder,
            ImageSearch(folder, home=self._home, model=self._engine.wanted_model, threads=self._threads) as search,
        ):
            return evaluate(search, Path(gallery), Path(queries), exclude_self=exclude_self, progress=progress)

    def encode(self, image: Path | str | Image) -> Encoded:
        """Return what the store would keep of a picture; ask with it again and again by `rank`."""
        self._engine.store()  # before there is one, there is no projection to encode with
        picture = image if isinstance(image, np.ndarray) else read_image(Path(image), min_size=WORKING_SIDE)
        encoder = self._engine.encoder(self._threads)
        return encoder.query(picture)

    def rank(
        self, query: Encoded, k: int, *, where: str | None = None, like: Sequence[str] = (), dislike: Sequence[str] = ()
    ) -> list[tuple[str, float]]:
        """Return ids and scores alone, best first: `query` without pages, reports and sessions."""
        judged = Judged(list(like), list(dislike))
        ranking = Plan(k, 0, where, None, "looks", None, judged, ()).rank(self._engine.store(), query, None, None)
        return list(zip(ranking.ids, ranking.scores, strict=True))

    # ---------------------------------------------------------------- inside

    def _load(self, item: Path | str | Image) -> tuple[Image, Metadata, str]:
        """Return picture, facts about its file, and its name."""
        if isinstance(item, np.ndarray):
            return item, {}, ""
        path = Path(item).absolute()
        image = read_image(path, min_size=WORKING_SIDE)
        stat = path.stat()
        facts: Metadata = {
            c.PATH: c.path_to_text(path),
            c.SHA256: hashlib.sha256(path.read_bytes()).hexdigest(),
            c.SIZE: stat.st_size,
            c.MTIME_NS: stat.st_mtime_ns,
        }
        return image, facts, display_path(path.name)

    def _one(
        self,
        store: Store,
        plan: Plan,
        picture: Path | str | Image | Encoded | None,
        record: str | None,
        crop: _Box | None,
        *,
        explain: bool,
    ) -> QueryResult:
        path, image, encoded, code = None, None, None, None
        if isinstance(picture, Encoded):
            if plan.by == "hash" or crop is not None or explain:
                raise QueryError("query: a crop, a search by hash and an explanation need the picture itself")
            encoded = picture
        elif picture is not None:
            path = None if isinstance(picture, np.ndarray) else Path(picture)
            image = self._query_picture(picture, crop)
        began = time.perf_counter()
        if image is not None and plan.by == "hash":
            code = perceptual_hash(image)
        elif image is not None:
            encoded = self.encode(image)
        elif record is not None:
            known = store.get([record])
            encoded = Encoded(known.vectors[0], known.payloads[0])
            code = hashes_from_text([str(known.metadata[0].get(c.HASH, "0" * 32))])[0]
            path = c.text_to_path(known.metadata[0].get(c.PATH))
        ranking = plan.rank(store, encoded, code, record)
        answers = hits(store, ranking)
        seconds = time.perf_counter() - began
        if explain:
            if image is None and path is not None:
                image = read_image(path, min_size=WORKING_SIDE)
            if image is None:
                raise QueryError("query: --explain compares two pictures; give one to search with")
            answers = explain_hits(self._engine.encoder(self._threads), image, answers)
        asked = (
            [record] if record is not None else [display_path(path)] if path else ["a picture"] * (picture is not None)
        )
        asked += [f"words {plan.text!r}"] * bool(plan.text)
        name = " + ".join(asked) or "feedback alone"
        return QueryResult(name, tuple(answers), ranking.exact, ranking.examined, seconds, path)

    @staticmethod
    def _query_picture(picture: Path | str | Image, crop: _Box | None) -> Image:
        """The picture to ask with; a crop is in pixels of the whole file, so that is read at full size."""
        if isinstance(picture, np.ndarray):
            image = picture
        else:
            image = read_image(Path(picture), min_size=None if crop is not None else WORKING_SIDE)
        return image if crop is None else cut(image, crop)


def _refuse_taken(store: Store, names: Sequence[str], rows: Sequence[Metadata]) -> None:
    """Raise `InputError` when a default id belongs to another picture, which would be lost."""
    taken = [row for row, there in enumerate(store.contains(names)) if there]
    for row, metadata in zip(taken, store.metadata([names[row] for row in taken]), strict=True):
        if metadata.get(c.PATH) != rows[row].get(c.PATH):
            raise InputError(f"add: another picture has the id {names[row]!r}; give this one an id of its own (--id)")
