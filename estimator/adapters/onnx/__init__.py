"""Other people's models as ONNX files, recognised from shapes and metadata.

Needs onnxruntime: `pip install 'poseflow[onnx]'`.
"""
