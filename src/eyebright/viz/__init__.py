"""Drawing: annotators, contact sheets, heat maps, HTML reports."""

from eyebright.viz import html
from eyebright.viz.heat import heat_overlay
from eyebright.viz.sheet import Tile, contact_sheet

__all__ = ["Tile", "contact_sheet", "heat_overlay", "html"]
