"""Commands that score: evaluate, evaluate-coco, -mot, -tracks and compare."""
