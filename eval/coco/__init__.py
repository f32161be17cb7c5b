"""COCO scoring: OKS average precision of single images, and errors by kind."""
