"""Image search for a shop's catalogue."""

from eyebright.search._boost import Boost
from eyebright.search._browse import Comparison, Listed
from eyebright.search._duplicates import Copy, DuplicateGroup
from eyebright.search._encoder import Encoded
from eyebright.search._metadata import MetadataTable, parse_value, read_metadata
from eyebright.search._reading import Progress
from eyebright.search._reindex import ReindexReport
from eyebright.search._report import result_section, save_explanation, save_results
from eyebright.search._results import Hit, IndexReport, Info, QueryResult
from eyebright.search._sessions import Judged
from eyebright.search._system import ImageSearch

__all__ = [
    "Boost",
    "Comparison",
    "Copy",
    "DuplicateGroup",
    "Encoded",
    "Hit",
    "ImageSearch",
    "IndexReport",
    "Info",
    "Judged",
    "Listed",
    "MetadataTable",
    "Progress",
    "QueryResult",
    "ReindexReport",
    "parse_value",
    "read_metadata",
    "result_section",
    "save_explanation",
    "save_results",
]
