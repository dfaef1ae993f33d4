"""`eyebright faces watch --show`: the live view of what the command watches, on this machine alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest
from _faces import home_in, panned, portraits

from eyebright.faces import FaceRecognizer
from eyebright.media import read_image


def test_the_live_view_shows_what_is_watched_until_ctrl_c(tmp_path, photos, model_home):
    home = home_in(tmp_path / "home", model_home)
    album = portraits(tmp_path / "album", photos)
    FaceRecognizer(home).enroll("Eileen", [read_image(album / "good.png")])
    clip, events = panned(tmp_path / "clip.avi", photos, 1500), tmp_path / "events.jsonl"
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "eyebright", "--home", str(home), "faces", "watch", str(clip), "--show"]
    process = subprocess.Popen(
        [*command, "--events", str(events)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "BROWSER": f"{browser} %s"},
    )  # fmt: skip
    try:
        page = re.search(r"live view: (\S+)", process.stderr.readline())[1]
        address, view = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/app/faces/live\?view=([0-9a-f]+)", page).groups()
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            assert client.get("/app/faces/live").status_code == 200
            with client.stream("GET", f"/live/{view}/stream") as stream:
                taken = b""
                for part in stream.iter_bytes():
                    taken += part
                    if taken.count(b"Content-Type: image/jpeg") > 3:
                        break
            ends = time.monotonic() + 60
            while not (seen := client.get("/faces/presence").json()["items"]) and time.monotonic() < ends:
                time.sleep(0.05)
            assert seen[0]["person"] == "Eileen"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/health", trust_env=False)
        assert opened.read_text().strip() == page
        assert '"Eileen"' in events.read_text()
    finally:
        process.kill()
        process.wait()
