"""Models of other projects as ONNX files, recognised from shapes and metadata."""
