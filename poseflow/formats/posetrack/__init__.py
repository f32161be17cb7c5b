"""PoseTrack 17, 18 and 21 files: reading, repairing and writing.

A file is found by `submission` and its JSON decoded by `records` (by `repair` where it
does not fit the schema); `posetrack17` or `posetrack18` (also for 21) turns the records
into arrays, `annotations.Annotations`. `reader` joins these steps and is what scorers
call. `conversion` turns `Annotations` into a `PoseSequence` and back; `writer` holds
the encoders and the formats for `poseflow.read` and `poseflow.write`.
"""
