"""A person detector that finds box centres: CenterNet, small enough for a CPU."""
