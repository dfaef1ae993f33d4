"""The errors of Eyebright, one tree.

::

    EyebrightError
    ├── InputError            something the caller passed is not what it should be
    │   ├── MediaError        an image, video or stream could not be read or written
    │   │   ├── UnsupportedImageError  the file is no picture of a known format
    │   │   └── ImageTooLargeError     the picture has more pixels than allowed
    │   ├── QueryError        a filter, an id, a crop or a number in a query is wrong
    │   └── MetadataError     a metadata table has wrong columns, types or keys
    ├── ModelError            a model is unknown, unusable or does not fit
    │   └── WeightsError      weights are missing, damaged or refused
    ├── StoreError            a store cannot be opened, read or written
    │   ├── SpaceMismatchError    vectors of another embedding space
    │   ├── StoreVersionError     written by a newer version
    │   └── StoreFullError        no room left on the disk; nothing acknowledged is lost
    └── PipelineError         a stage of a running pipeline failed

A message is one line: what failed, where, what was expected, what came, what to do next.
"""

from __future__ import annotations


class EyebrightError(Exception):
    """Root of every error that Eyebright raises on purpose."""


class InputError(EyebrightError, ValueError):
    """Something the caller passed is not what it should be."""


class MediaError(InputError):
    """An image, a video or a stream could not be read or written."""


class UnsupportedImageError(MediaError):
    """The file is no picture of a known format."""


class ImageTooLargeError(MediaError):
    """The picture has more pixels than allowed; it was not decoded."""


class QueryError(InputError):
    """A filter, an id, a crop or a number in a query is wrong."""


class MetadataError(InputError):
    """A metadata table has wrong columns, types or keys."""


class ModelError(EyebrightError):
    """A model is unknown, unusable or does not fit what it is asked."""


class WeightsError(ModelError):
    """Weights are missing, damaged or refused."""


class StoreError(EyebrightError):
    """A store cannot be opened, read or written."""


class SpaceMismatchError(StoreError):
    """Vectors of another embedding space than the store's."""


class StoreVersionError(StoreError):
    """The store was written by a newer version of Eyebright."""


class StoreFullError(StoreError):
    """There is no room left on the disk; nothing acknowledged is lost."""


class StoreMissingError(StoreError):
    """There is no store or index yet."""


class StoreBusyError(StoreError):
    """Another writer is at work; it can be tried again when that has ended."""


class JobError(EyebrightError):
    """A background job is unknown, or not in the state for what is asked."""


class TooManyJobsError(JobError):
    """The queue of background jobs is full."""


class PipelineError(EyebrightError):
    """A stage of a running pipeline failed."""
