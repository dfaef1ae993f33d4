"""Runs opencv-contrib's selective search for `bench.proposals`, in an environment of its own, without Eyebright.

One JSON object a line comes in, `{"image": PATH, "mode": "Fast"}`, and one goes out: `boxes` (x, y, width, height) and
`seconds` of processor time, of one thread.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    cv2: Any = importlib.import_module("cv2")
    cv2.setNumThreads(1)
    for line in sys.stdin:
        request = json.loads(line)
        picture = cv2.imread(request["image"])
        start = time.process_time()
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(picture)
        getattr(search, f"switchToSelectiveSearch{request['mode']}")()
        boxes = search.process()
        seconds = time.process_time() - start
        print(json.dumps({"boxes": boxes.tolist(), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
