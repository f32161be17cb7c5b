"""Tables of poses: CSV, Parquet, JSON Lines and npz."""
