"""Motion models: Kalman filter, camera motion, frame clock and predicted boxes."""
