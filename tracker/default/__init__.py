"""`default`: association likelihood over motion, pose, size and appearance."""
