"""Which regions of two pictures made them alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from eyebright.core.errors import MediaError, QueryError
from eyebright.core.types import Image
from eyebright.media import read_image
from eyebright.search._encoder import Encoder, RegionEncoder
from eyebright.search._reading import WORKING_SIDE
from eyebright.search._rerank import correspondence
from eyebright.search._results import Hit


def explain(encoder: Encoder, query: Image, answers: Sequence[Hit]) -> list[Hit]:
    """Return the answers with their heat maps; one whose file cannot be read any more stays without.

    Raises:
        QueryError: the store's model gives no regions.
    """
    if not isinstance(encoder, RegionEncoder):
        raise QueryError("query: this store's model gives one vector a picture and no regions to explain with")
    asked, explained = encoder.raw(query), []
    for hit in answers:
        try:
            picture = read_image(hit.path, min_size=WORKING_SIDE) if hit.path else None
        except MediaError:
            picture = None
        heat = None if picture is None else correspondence(asked, encoder.raw(picture))
        explained.append(dataclasses.replace(hit, heat=heat))
    return explained
