"""The catalogue, weights, ONNX Runtime sessions, and what is built on them: classifiers, embedders, features."""
