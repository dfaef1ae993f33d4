"""Is this product genuine? Names are loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.authenticity._bank import PatchBank, PatchFindings, patch_features
    from eyebright.authenticity._cases import Cases, CaseSummary, CaseView, Decision, StoredCase
    from eyebright.authenticity._checker import AuthenticityChecker
    from eyebright.authenticity._codes import Code, check_digit, gtin14, read_codes
    from eyebright.authenticity._compare import Comparison, compare
    from eyebright.authenticity._decide import Calibration, Verdict, learn
    from eyebright.authenticity._evaluate import evaluate
    from eyebright.authenticity._ledger import ImportReport, Ledger, SerialEntry, SerialFinding, Sighting
    from eyebright.authenticity._packs import Pack, draw_pack
    from eyebright.authenticity._printing import PrintedCode, code_image
    from eyebright.authenticity._report import picture_of, report, save_comparison, save_report
    from eyebright.authenticity._results import CheckResult, FitReport, Look, Product
    from eyebright.authenticity._simulate import KINDS, MadePhoto, make_photos, recapture, save_photos
    from eyebright.authenticity._text import Line, WordChange, compare_lines, read_lines

_HOMES = {
    "AuthenticityChecker": "_checker",
    "Calibration": "_decide",
    "CaseSummary": "_cases",
    "CaseView": "_cases",
    "Cases": "_cases",
    "CheckResult": "_results",
    "Code": "_codes",
    "Comparison": "_compare",
    "Decision": "_cases",
    "FitReport": "_results",
    "ImportReport": "_ledger",
    "KINDS": "_simulate",
    "Ledger": "_ledger",
    "Line": "_text",
    "Look": "_results",
    "MadePhoto": "_simulate",
    "Pack": "_packs",
    "PatchBank": "_bank",
    "PatchFindings": "_bank",
    "PrintedCode": "_printing",
    "Product": "_results",
    "SerialEntry": "_ledger",
    "SerialFinding": "_ledger",
    "Sighting": "_ledger",
    "StoredCase": "_cases",
    "Verdict": "_decide",
    "WordChange": "_text",
    "check_digit": "_codes",
    "code_image": "_printing",
    "compare": "_compare",
    "draw_pack": "_packs",
    "evaluate": "_evaluate",
    "gtin14": "_codes",
    "learn": "_decide",
    "make_photos": "_simulate",
    "compare_lines": "_text",
    "patch_features": "_bank",
    "picture_of": "_report",
    "read_codes": "_codes",
    "read_lines": "_text",
    "recapture": "_simulate",
    "report": "_report",
    "save_comparison": "_report",
    "save_photos": "_simulate",
    "save_report": "_report",
}

__all__ = [
    "KINDS",
    "AuthenticityChecker",
    "Calibration",
    "CaseSummary",
    "CaseView",
    "Cases",
    "CheckResult",
    "Code",
    "Comparison",
    "Decision",
    "FitReport",
    "ImportReport",
    "Ledger",
    "Line",
    "Look",
    "MadePhoto",
    "Pack",
    "PatchBank",
    "PatchFindings",
    "PrintedCode",
    "Product",
    "SerialEntry",
    "SerialFinding",
    "Sighting",
    "StoredCase",
    "Verdict",
    "WordChange",
    "check_digit",
    "code_image",
    "compare",
    "compare_lines",
    "draw_pack",
    "evaluate",
    "gtin14",
    "learn",
    "make_photos",
    "patch_features",
    "picture_of",
    "read_codes",
    "read_lines",
    "recapture",
    "report",
    "save_comparison",
    "save_photos",
    "save_report",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.authenticity' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.authenticity.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
