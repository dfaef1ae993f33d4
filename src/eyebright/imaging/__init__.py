"""The classic toolbox: light, edges, keypoints, filters, quality, motion, stereo, tiles, hashing.

Every tool is a pure function on RGB `uint8 (H, W, 3)` or grey `uint8 (H, W)` pictures. Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.imaging._pixels import Picture, histogram
    from eyebright.imaging.background import MotionDetector
    from eyebright.imaging.blur import blur_score, motion_blur
    from eyebright.imaging.camera import CameraMotion, MotionModel, camera_motion
    from eyebright.imaging.canny_edges import canny, canny_thresholds
    from eyebright.imaging.convolution import KERNELS, convolve, parse_kernel
    from eyebright.imaging.denoising import Denoising, denoise
    from eyebright.imaging.differences import (
        DifferenceMaps,
        Region,
        difference_maps,
        even_light,
        find_regions,
        tolerant_difference,
    )
    from eyebright.imaging.drawing import draw_disparity, draw_flow, draw_keypoints, draw_matches
    from eyebright.imaging.edge_methods import EdgeMethod, edges
    from eyebright.imaging.edge_model import EdgeModel, learned_edges
    from eyebright.imaging.equalisation import clahe, equalise
    from eyebright.imaging.flow import SparseFlow, sparse_flow
    from eyebright.imaging.gamma_curve import estimate_gamma, gamma
    from eyebright.imaging.grabcut import cut_out
    from eyebright.imaging.gradient import Operator, gradients, scharr, sobel
    from eyebright.imaging.grey_world import white_balance
    from eyebright.imaging.hashing import (
        HASH_BITS,
        NEAR_DUPLICATE_DISTANCE,
        Hashes,
        groups,
        hamming,
        hash_to_text,
        hashes_from_text,
        near_pairs,
        perceptual_hash,
    )
    from eyebright.imaging.homography import PictureMatch, fit_homography, match_pictures
    from eyebright.imaging.info import PictureInfo, picture_info
    from eyebright.imaging.keypoints import KeypointMethod, Keypoints, find_keypoints
    from eyebright.imaging.laplacian import laplacian_of_gaussian, log_response, zero_crossings
    from eyebright.imaging.letterboxing import letterboxed
    from eyebright.imaging.luma import grey
    from eyebright.imaging.matching import match_descriptors
    from eyebright.imaging.noise import noise_sigma
    from eyebright.imaging.normalisation import Normalisation, normalise
    from eyebright.imaging.people import PeopleDetector
    from eyebright.imaging.pooling import Pooling, pool
    from eyebright.imaging.proposals import ProposalMode, selective_search, sliding_windows
    from eyebright.imaging.pyramid import PyramidKind, collapse, gaussian_pyramid, laplacian_pyramid, shown_pyramid
    from eyebright.imaging.regions import separate, slic, watershed_regions
    from eyebright.imaging.registration import Registration, follow_bends, register, working_keypoints
    from eyebright.imaging.resizing import Interpolation, crop, fit_within, proportional_size, resize
    from eyebright.imaging.scene_cut import SceneCut, frame_change, scene_cuts
    from eyebright.imaging.scores import Quality, glare_score, quality
    from eyebright.imaging.shadows import ShadowKind, remove_shadows
    from eyebright.imaging.stereo import depth, disparity
    from eyebright.imaging.tiles import ImageTile, cut_tiles, join_tiles, tile_boxes, tile_from_file

_HOMES = {
    "CameraMotion": "camera",
    "Denoising": "denoising",
    "DifferenceMaps": "differences",
    "EdgeMethod": "edge_methods",
    "EdgeModel": "edge_model",
    "HASH_BITS": "hashing",
    "Hashes": "hashing",
    "ImageTile": "tiles",
    "Interpolation": "resizing",
    "KERNELS": "convolution",
    "KeypointMethod": "keypoints",
    "Keypoints": "keypoints",
    "MotionDetector": "background",
    "MotionModel": "camera",
    "NEAR_DUPLICATE_DISTANCE": "hashing",
    "Normalisation": "normalisation",
    "Operator": "gradient",
    "PeopleDetector": "people",
    "Picture": "_pixels",
    "PictureInfo": "info",
    "PictureMatch": "homography",
    "Pooling": "pooling",
    "ProposalMode": "proposals",
    "PyramidKind": "pyramid",
    "Quality": "scores",
    "Region": "differences",
    "Registration": "registration",
    "SceneCut": "scene_cut",
    "ShadowKind": "shadows",
    "SparseFlow": "flow",
    "blur_score": "blur",
    "camera_motion": "camera",
    "canny": "canny_edges",
    "canny_thresholds": "canny_edges",
    "clahe": "equalisation",
    "collapse": "pyramid",
    "convolve": "convolution",
    "crop": "resizing",
    "cut_out": "grabcut",
    "cut_tiles": "tiles",
    "denoise": "denoising",
    "depth": "stereo",
    "difference_maps": "differences",
    "disparity": "stereo",
    "draw_disparity": "drawing",
    "draw_flow": "drawing",
    "draw_keypoints": "drawing",
    "draw_matches": "drawing",
    "edges": "edge_methods",
    "equalise": "equalisation",
    "estimate_gamma": "gamma_curve",
    "even_light": "differences",
    "find_keypoints": "keypoints",
    "find_regions": "differences",
    "fit_homography": "homography",
    "fit_within": "resizing",
    "follow_bends": "registration",
    "frame_change": "scene_cut",
    "gamma": "gamma_curve",
    "gaussian_pyramid": "pyramid",
    "glare_score": "scores",
    "gradients": "gradient",
    "grey": "luma",
    "groups": "hashing",
    "hamming": "hashing",
    "hash_to_text": "hashing",
    "hashes_from_text": "hashing",
    "histogram": "_pixels",
    "join_tiles": "tiles",
    "laplacian_of_gaussian": "laplacian",
    "laplacian_pyramid": "pyramid",
    "learned_edges": "edge_model",
    "letterboxed": "letterboxing",
    "log_response": "laplacian",
    "match_descriptors": "matching",
    "match_pictures": "homography",
    "motion_blur": "blur",
    "near_pairs": "hashing",
    "noise_sigma": "noise",
    "normalise": "normalisation",
    "parse_kernel": "convolution",
    "perceptual_hash": "hashing",
    "picture_info": "info",
    "pool": "pooling",
    "proportional_size": "resizing",
    "quality": "scores",
    "register": "registration",
    "remove_shadows": "shadows",
    "resize": "resizing",
    "scene_cuts": "scene_cut",
    "scharr": "gradient",
    "selective_search": "proposals",
    "separate": "regions",
    "shown_pyramid": "pyramid",
    "slic": "regions",
    "sliding_windows": "proposals",
    "sobel": "gradient",
    "sparse_flow": "flow",
    "tile_boxes": "tiles",
    "tile_from_file": "tiles",
    "tolerant_difference": "differences",
    "watershed_regions": "regions",
    "white_balance": "grey_world",
    "working_keypoints": "registration",
    "zero_crossings": "laplacian",
}

__all__ = [
    "HASH_BITS",
    "KERNELS",
    "NEAR_DUPLICATE_DISTANCE",
    "CameraMotion",
    "Denoising",
    "DifferenceMaps",
    "EdgeMethod",
    "EdgeModel",
    "Hashes",
    "ImageTile",
    "Interpolation",
    "KeypointMethod",
    "Keypoints",
    "MotionDetector",
    "MotionModel",
    "Normalisation",
    "Operator",
    "PeopleDetector",
    "Picture",
    "PictureInfo",
    "PictureMatch",
    "Pooling",
    "ProposalMode",
    "PyramidKind",
    "Quality",
    "Region",
    "Registration",
    "SceneCut",
    "ShadowKind",
    "SparseFlow",
    "blur_score",
    "camera_motion",
    "canny",
    "canny_thresholds",
    "clahe",
    "collapse",
    "convolve",
    "crop",
    "cut_out",
    "cut_tiles",
    "denoise",
    "depth",
    "difference_maps",
    "disparity",
    "draw_disparity",
    "draw_flow",
    "draw_keypoints",
    "draw_matches",
    "edges",
    "equalise",
    "estimate_gamma",
    "even_light",
    "find_keypoints",
    "find_regions",
    "fit_homography",
    "fit_within",
    "follow_bends",
    "frame_change",
    "gamma",
    "gaussian_pyramid",
    "glare_score",
    "gradients",
    "grey",
    "groups",
    "hamming",
    "hash_to_text",
    "hashes_from_text",
    "histogram",
    "join_tiles",
    "laplacian_of_gaussian",
    "laplacian_pyramid",
    "learned_edges",
    "letterboxed",
    "log_response",
    "match_descriptors",
    "match_pictures",
    "motion_blur",
    "near_pairs",
    "noise_sigma",
    "normalise",
    "parse_kernel",
    "perceptual_hash",
    "picture_info",
    "pool",
    "proportional_size",
    "quality",
    "register",
    "remove_shadows",
    "resize",
    "scene_cuts",
    "scharr",
    "selective_search",
    "separate",
    "shown_pyramid",
    "slic",
    "sliding_windows",
    "sobel",
    "sparse_flow",
    "tile_boxes",
    "tile_from_file",
    "tolerant_difference",
    "watershed_regions",
    "white_balance",
    "working_keypoints",
    "zero_crossings",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.imaging' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.imaging.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
