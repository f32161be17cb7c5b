"""Top-down pose estimation: crops, heatmap decoding and pose NMS."""
