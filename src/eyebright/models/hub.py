"""Downloads from the Hugging Face hub, behind a client that tests replace."""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
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
        from huggingface_hub import constants, hf_hub_download

        problem = "" if constants.HF_HUB_OFFLINE else _look_up(constants.ENDPOINT)
        try:
            # without its own look at the network, for which the client tries half a minute, aloud
            got = hf_hub_download(
                repo_id=repo,
                filename=file,
                local_dir=folder,
                library_name="eyebright",
                local_files_only=bool(problem),
            )
            return Path(got)
        except Exception as error:
            if problem:
                raise ConnectionError(problem) from error
            raise


def _look_up(endpoint: str) -> str:
    """Return why the host cannot be asked, or nothing."""
    host = urllib.parse.urlsplit(endpoint).hostname
    if host is None or urllib.request.getproxies():
        return ""  # a proxy looks names up itself
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return f"{host} is not known here: {error.strerror or error}"
    return ""
