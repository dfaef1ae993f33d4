"""The allow-listed reader of torch checkpoints refuses what is not tensors."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eyebright.core.errors import WeightsError
from eyebright.models import get_card
from eyebright.models._efficientnet import build
from eyebright.models._torch_pickle import read_legacy_checkpoint
from eyebright.models.weights import package_file

MAGIC = 0x1950A86A20F9469CFC6C


def checkpoint(path: Path, state: Any) -> Path:
    stream = io.BytesIO()
    for part in (MAGIC, 1001, {"little_endian": True}, state, []):
        pickle.dump(part, stream, protocol=2)
    path.write_bytes(stream.getvalue())
    return path


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def test_code_in_a_weights_file_is_refused_and_not_run(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "evil.pth", {"weight": Evil(tmp_path / "ran")})
    with pytest.raises(WeightsError, match="mkdir is not allowed in a weights file"):
        read_legacy_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = package_file(get_card("efficientnet_lite0")).read_bytes()
    broken = tmp_path / "broken.pth"
    for data in (b"", b"text", whole[:1000], whole[:-1000], pickle.dumps(1)):
        broken.write_bytes(data)
        with pytest.raises(WeightsError, match=r"broken\.pth: expected a legacy torch checkpoint"):
            read_legacy_checkpoint(broken)
    with pytest.raises(WeightsError, match="cannot read the weights"):
        read_legacy_checkpoint(tmp_path / "gone.pth")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"lacks '_conv_stem\.weight'"):
        build(checkpoint(tmp_path / "other.pth", {}))


def test_every_tensor_is_read() -> None:
    tensors = read_legacy_checkpoint(package_file(get_card("efficientnet_lite0")))
    assert len(tensors) == 296
    assert tensors["_fc.weight"].shape == (1000, 1280)


def test_looking_into_the_catalogue_stays_light() -> None:
    code = (
        "import sys; from eyebright.models import get_card, status; status(get_card('efficientnet_lite0'));"
        "print(*{'cv2', 'onnx', 'onnxruntime', 'huggingface_hub', 'torch', 'PIL'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
