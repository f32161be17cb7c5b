"""Top-down pose estimation: crops, heatmap decoding, rescoring and pose NMS."""
