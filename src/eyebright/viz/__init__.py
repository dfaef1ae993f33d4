"""Drawing: annotators, contact sheets, heat maps, HTML reports."""

from eyebright.viz import html
from eyebright.viz.annotate import class_colour, draw_detections
from eyebright.viz.heat import heat_overlay
from eyebright.viz.regions import draw_map_errors, draw_regions
from eyebright.viz.sheet import Tile, contact_sheet

__all__ = [
    "Tile",
    "class_colour",
    "contact_sheet",
    "draw_detections",
    "draw_map_errors",
    "draw_regions",
    "heat_overlay",
    "html",
]
