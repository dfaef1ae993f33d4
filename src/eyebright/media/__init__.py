"""Where pictures come from and go to: image files, folders, video, cameras, RTSP, and sinks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.media._listing import IMAGE_SUFFIXES, Listing, Problem, list_images
    from eyebright.media._names import display_path
    from eyebright.media.images import (
        MAX_PIXELS,
        ImageInfo,
        decode_image,
        encode_image,
        image_info,
        read_image,
        write_image,
    )
    from eyebright.media.sinks import FolderSink, VideoSink
    from eyebright.media.sources import (
        CameraSource,
        FilesSource,
        FolderSource,
        RtspSource,
        VideoSource,
        open_source,
    )

_HOMES = {
    "CameraSource": "sources",
    "FilesSource": "sources",
    "FolderSink": "sinks",
    "FolderSource": "sources",
    "IMAGE_SUFFIXES": "_listing",
    "ImageInfo": "images",
    "Listing": "_listing",
    "MAX_PIXELS": "images",
    "Problem": "_listing",
    "RtspSource": "sources",
    "VideoSink": "sinks",
    "VideoSource": "sources",
    "decode_image": "images",
    "display_path": "_names",
    "encode_image": "images",
    "image_info": "images",
    "list_images": "_listing",
    "open_source": "sources",
    "read_image": "images",
    "write_image": "images",
}

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "CameraSource",
    "FilesSource",
    "FolderSink",
    "FolderSource",
    "ImageInfo",
    "Listing",
    "Problem",
    "RtspSource",
    "VideoSink",
    "VideoSource",
    "decode_image",
    "display_path",
    "encode_image",
    "image_info",
    "list_images",
    "open_source",
    "read_image",
    "write_image",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that listing files loads no decoder."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.media' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.media.{_HOMES[name]}"), name)
