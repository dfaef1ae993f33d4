"""Downloads from the Hugging Face hub, behind a client that tests replace."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class HubClient(Protocol):
    """Fetches one file of one repository."""

    def download(self, repo: str, file: str, folder: Path) -> Path:
        """Fetch `file` of `repo` into `folder` and return where it is.

        An interrupted download leaves in `folder` what the next one continues from. Any exception means that the
        file could not be had.
        """
        ...


class HuggingFaceClient:
    """The real hub, by `huggingface_hub`, with its progress bar, its proxies and its offline switch."""

    def download(self, repo: str, file: str, folder: Path) -> Path:
        """Fetch one file; see `HubClient.download`."""
        # huggingface_hub takes a third of a second to import, and most runs never download
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(repo_id=repo, filename=file, local_dir=folder, library_name="eyebright"))
