"""Adapters for other libraries' models: ONNX Runtime, torchvision, ultralytics."""
