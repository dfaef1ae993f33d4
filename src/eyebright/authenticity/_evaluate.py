"""How good the checks are on a table of labelled photos."""

from __future__ import annotations

import collections
import csv
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from eyebright.authenticity._checker import AuthenticityChecker
from eyebright.authenticity._decide import Calibration
from eyebright.authenticity._identity import Fit
from eyebright.authenticity._judging import evidence_of
from eyebright.authenticity._ledger import ALARMING
from eyebright.core.errors import InputError
from eyebright.metrics import risk_coverage, roc_auc, tpr_at_fpr

ROLES = ("reference", "genuine", "counterfeit")
_GROWN = 5.0  # pixels a box is grown by
_RISK = 0.01
_FITTED, _MADE = 25, 16  # references that are learnt from unasked, and made recaptures of each product
_ALARM = 1000.0  # suspicion of a serial that speaks against the item: more than any look can give

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One line of a manifest: `path, product, role`, and, where known, `serial, kind, boxes`."""

    path: Path
    product: str
    role: str
    kind: str
    boxes: tuple[Box, ...] | None
    serial: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class _Scored:
    row: Row
    suspicion: float | None
    evidence: dict[str, float]
    judged: bool
    regions: tuple[Box, ...]
    alarm: bool = False


def read_manifest(path: Path | str) -> list[Row]:
    """Read a manifest; paths are relative to its folder.

    Raises:
        InputError: the file cannot be read, a column is missing, or a row is wrong.
    """
    source = Path(path)
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream, skipinitialspace=True)
            columns = [name.strip() for name in table.fieldnames or ()]
            missing = [name for name in ("path", "product", "role") if name not in columns]
            if missing:
                raise InputError(f"{source}: expected the columns path, product, role; {', '.join(missing)} is missing")
            table.fieldnames = columns
            rows = [_row(source, table.line_num, values) for values in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source}: cannot read it as a CSV table in UTF-8: {error}") from error
    if not any(row.role == "reference" for row in rows):
        raise InputError(f"{source}: expected at least one row with the role reference, there is none")
    return rows


def _row(source: Path, line: int, values: dict[str, str | None]) -> Row:
    path, product, role, kind, boxes, serial = (
        (values.get(name) or "").strip() for name in ("path", "product", "role", "kind", "boxes", "serial")
    )
    if role not in ROLES:
        raise InputError(f"{source}: line {line}: expected a role of {', '.join(ROLES)}, got {role!r}")
    if not path or not product:
        raise InputError(f"{source}: line {line}: expected a path and a product")
    found = []
    for text in filter(None, (part.strip() for part in boxes.split(";"))):
        try:
            x1, y1, x2, y2 = (float(number) for number in text.replace(",", " ").split())
        except ValueError:
            raise InputError(f"{source}: line {line}: expected boxes as 'x1 y1 x2 y2;...', got {text!r}") from None
        found.append((x1, y1, x2, y2))
    return Row(source.parent / path, product, role, kind, tuple(found) if found else None, serial)


def evaluate(
    manifest: Path | str,
    *,
    home: Path | None = None,
    ledger: Path | str | None = None,
    false_alarm: float = 0.01,
    fit: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Register the references of a manifest in a store of its own and check every other photo against its claim.

    The rank of a photo is taken among genuine photos of the other half of the products (of the photos, where there is
    one product), so no photo is judged by itself. Figures that are not defined are None. A photo whose serial the
    ledger knows to be wrong is counterfeit, whatever it looks like.

    Args:
        manifest: see `read_manifest`. One photo may be claimed as several products.
        home: where models are kept.
        ledger: a table of serials, see `Ledger.import_csv`; without one the serials of the manifest say little.
        false_alarm: the rate asked for.
        fit: learn from made recaptures of the references first, as `AuthenticityChecker.fit` does without photos
            (some ten seconds a reference). None: where references are at most 25 and claims are of both roles.
        progress: called with photos done and in all, of the learning first.

    Raises:
        InputError: a wrong manifest, an unreadable photo, a claim of a product without a reference.
    """
    rows = read_manifest(manifest)
    references: dict[str, list[Path]] = collections.defaultdict(list)
    claims: dict[Path, list[Row]] = collections.defaultdict(list)
    for row in rows:
        if row.role == "reference":
            references[row.product].append(row.path)
        else:
            claims[row.path].append(row)
    for row in rows:
        if row.product not in references:
            raise InputError(f"{manifest}: {row.path.name} is claimed as {row.product!r}, which has no reference")
    scored: list[_Scored] = []
    times: list[float] = []
    with tempfile.TemporaryDirectory(prefix="eyebright-") as folder:
        checker = AuthenticityChecker(Path(folder), home=home)
        for product, paths in references.items():
            checker.enroll(product, paths)
        if ledger is not None:
            checker.ledger.import_csv(ledger)
        if fit is None:
            roles = {row.role for row in rows}
            fit = sum(map(len, references.values())) <= _FITTED and {"genuine", "counterfeit"} <= roles
        if fit:
            checker.fit(recaptures=min(200, _MADE * len(references)), progress=progress)
        calibration = checker.calibration()
        for number, (path, claimed) in enumerate(claims.items(), 1):
            start = time.perf_counter()
            scored += _score(checker, path, claimed, calibration)
            times.append((time.perf_counter() - start) * 1000 / len(claimed))
            if progress is not None:
                progress(number, len(claims))
    figures = {**_figures(scored, false_alarm), "fitted": fit}
    figures["ms_p50"], figures["ms_p95"] = (
        round(float(np.percentile(times, q)), 1) if times else None for q in (50, 95)
    )
    kinds = sorted({item.row.kind for item in scored if item.row.kind and item.row.role == "counterfeit"})
    genuine = [item for item in scored if item.row.role == "genuine"]
    figures["by_kind"] = {
        kind: _ranked([*genuine, *(item for item in scored if item.row.kind == kind and item.row.role != "genuine")])
        for kind in kinds
    }
    figures["photos"] = [
        {
            "path": str(item.row.path), "product": item.row.product, "role": item.row.role, "score": item.suspicion,
            "registered": item.judged, "regions": [[round(v, 1) for v in box] for box in item.regions],
        }
        for item in scored
    ]  # fmt: skip
    return figures


def _score(checker: AuthenticityChecker, path: Path, claimed: Sequence[Row], calibration: Calibration) -> list[_Scored]:
    fit = Fit(checker.photos([path])[0], checker.identity())
    found = []
    for row in claimed:
        look = checker.look(fit.photo, row.product, fit)
        evidence = evidence_of([look])
        judged = look.comparison is not None and look.comparison.sound
        boxes = () if look.comparison is None else tuple(region.box for region in look.comparison.regions)
        seen = checker.ledger.see(row.serial, row.product, "", str(path)) if row.serial else None
        alarm = seen is not None and seen.state in ALARMING
        suspicion = _ALARM if alarm else calibration.suspicion(evidence, row.product)
        found.append(_Scored(row, suspicion, evidence, judged, boxes, alarm))
    return found


def _figures(scored: Sequence[_Scored], false_alarm: float) -> dict[str, Any]:
    verdicts = _verdicts(scored, false_alarm)
    truth = [item.row.role for item in scored]
    genuine = [verdict for verdict, role in zip(verdicts, truth, strict=True) if role == "genuine"]
    decided = [i for i, verdict in enumerate(verdicts) if verdict != "inconclusive"]
    curve = _risk_coverage(scored)
    within = [point["coverage"] for point in curve if point["risk"] <= _RISK]
    return {
        **_ranked(scored),
        "false_alarm": genuine.count("counterfeit") / len(genuine) if genuine else None,
        "risk_coverage": curve,
        "inconclusive_rate": 1 - len(decided) / len(scored) if scored else None,
        "coverage_at_risk=0.01": (max(within, default=0.0) if curve else None),
        **_region_figures(scored),
    }


def _ranked(scored: Iterable[_Scored]) -> dict[str, Any]:
    """AUROC and the share of counterfeits found at one false alarm in a hundred; what has no score is left out."""
    known = [(item.suspicion, item.row.role == "counterfeit") for item in scored if item.suspicion is not None]
    values, flags = np.array([v for v, _ in known]), np.array([f for _, f in known], bool)
    if not flags.any() or flags.all():
        return {"auroc": None, "tpr@fpr=0.01": None}
    return {"auroc": roc_auc(values, flags), "tpr@fpr=0.01": tpr_at_fpr(values, flags, 0.01)}


def _verdicts(scored: Sequence[_Scored], false_alarm: float) -> list[str]:
    products = sorted({item.row.product for item in scored})
    half = [
        (products.index(item.row.product) if len(products) > 1 else number) % 2 for number, item in enumerate(scored)
    ]
    ranks = [
        tuple(
            sorted(
                item.suspicion
                for item, part in zip(scored, half, strict=True)
                if part == side
                and item.row.role == "genuine"
                and item.judged
                and not item.alarm
                and item.suspicion is not None
            )
        )
        for side in (0, 1)
    ]
    return [
        "counterfeit"
        if item.alarm
        else Calibration(false_alarm, ranks[1 - part]).decide(item.suspicion)[0]
        if item.judged
        else "inconclusive"
        for item, part in zip(scored, half, strict=True)
    ]


def _risk_coverage(scored: Sequence[_Scored]) -> list[dict[str, float]]:
    """Answer the surest photos only: risk and coverage as more are answered.

    Sureness is the distance from the score that separates the two roles best.
    """
    known = [(item.suspicion, item.row.role == "counterfeit") for item in scored if item.suspicion is not None]
    if len({flag for _, flag in known}) < 2:
        return []
    values, flags = np.array([v for v, _ in known]), np.array([f for _, f in known], bool)
    order = np.argsort(values)
    missed = np.concatenate([[0], np.cumsum(flags[order])]) / flags.sum()
    alarms = np.concatenate([[0], np.cumsum(~flags[order])]) / (~flags).sum()
    cut = int(np.argmin(missed + 1 - alarms))
    padded = np.concatenate([[values[order[0]] - 1], values[order], [values[order[-1]] + 1]])
    threshold = (padded[cut] + padded[cut + 1]) / 2
    coverage, risk = risk_coverage(np.abs(values - threshold), (values > threshold) != flags)
    steps = np.unique(np.linspace(0, len(risk) - 1, min(100, len(risk))).astype(int))
    return [{"coverage": float(coverage[n] * len(values) / len(scored)), "risk": float(risk[n])} for n in steps]


def _region_figures(scored: Sequence[_Scored]) -> dict[str, float | None]:
    """Match regions one to one with boxes; a region counts when its centre lies in the box grown by five pixels."""
    hits = regions = boxes = 0
    for item in scored:
        if item.row.boxes is None:
            continue
        regions, boxes = regions + len(item.regions), boxes + len(item.row.boxes)
        if item.regions:
            mine, theirs = np.array(item.regions), np.array(item.row.boxes)
            centres = (mine[:, None, :2] + mine[:, None, 2:]) / 2
            inside = ((centres >= theirs[None, :, :2] - _GROWN) & (centres <= theirs[None, :, 2:] + _GROWN)).all(axis=2)
            first, second = linear_sum_assignment(inside, maximize=True)
            hits += int(inside[first, second].sum())
    return {
        "region_precision": hits / regions if regions else None,
        "region_recall": hits / boxes if boxes else None,
    }
