"""The `--help` of commands: options in groups, and examples at the end."""

from __future__ import annotations

from typing import Any

from poseflow.cli.guard import GuardedCommand

COMMAND_GROUPS = {
    "Track": ("track", "estimate", "batch", "recover", "refine"),
    "Review and correct": ("render", "report", "events", "stats", "edit"),
    "Files": ("convert",),
    "Score": (
        *("evaluate", "evaluate-coco", "evaluate-mot", "evaluate-tracks"),
        "compare",
    ),
    "Models": ("models", "train", "validate", "tune-nms"),
    "About poseflow": ("demo", "benchmark", "info"),
}
"""Group -> its commands; others stand under Commands."""

GROUPS = {
    "Input": (
        *("poses", "video", "skeleton", "size", "keep_origin", "start", "stop"),
        "manifest",
        *("reconnect", "live", "duration", "fps", "wrap"),
    ),
    "Estimator": (
        *("estimator", "model", "weights", "quality", "input_size", "tiles"),
        *("detector", "detector_weights", "detect_every", "relook", "device"),
        *("score_threshold", "max_people"),
    ),
    "Tracker": (
        *("tracker", "matcher", "correspondences", "compat", "max_tracks", "set"),
        *("set_", "settings", "options", "fill", "no_fill", "refine", "smooth"),
    ),
    "Output": (
        *("output", "out", "render", "format", "segment", "show", "blur"),
        *("silhouette", "labels", "trail", "colors", "overwrite"),
    ),
}
"""Group -> names of its parameters; others stand under Options."""

MANY_OPTIONS = 12
"""A command with fewer options has them in one list."""


class HelpfulCommand(GuardedCommand):
    """A command whose help has its options in groups, if there are many."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        options = [p for p in self.params if p.param_type_name == "option"]
        if len(options) >= MANY_OPTIONS:
            for option in options:
                for group, names in GROUPS.items():
                    if option.name in names:
                        option.rich_help_panel = group  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


EXAMPLES: dict[str, tuple[str, ...]] = {
    "models": (
        "poseflow models",
        "poseflow models get rtmpose-m",
        "poseflow track street.mp4 -o tracked.json --model rtmpose-m",
    ),
    "track": (
        "poseflow track street.mp4 -o tracked.json --render tracked.mp4",
        "poseflow track alphapose-results.json -o tracked.json",
        "poseflow track street.mp4 --poses poses.json -o tracked.json",
        "poseflow track rtsp://camera.local/stream -o tracked.json --quality fast",
    ),
    "estimate": (
        "poseflow estimate street.mp4 -o poses.json",
        "poseflow estimate photos/ -o poses.json --render drawn/ --quality best",
    ),
    "batch": (
        "poseflow batch videos/*.mp4 --out results",
        "poseflow batch videos/*.mp4 --out results --resume",
    ),
    "recover": ("poseflow recover tracked.json.partial -o tracked.json",),
    "refine": (
        "poseflow refine tracked.json -o refined.json",
        "poseflow refine tracked.json --video walk.mp4 -o refined.json",
    ),
    "render": (
        "poseflow render street.mp4 tracked.json tracked.mp4 --trail 60",
        "poseflow render street.mp4 tracked.json hidden.mp4 --blur people",
    ),
    "edit": (
        "poseflow edit tracked.json -o corrected.json --merge 3,7 --swap 2,5@120",
        "poseflow edit tracked.json -o corrected.json --apply corrections.json",
    ),
    "report": (
        "poseflow report tracked.json --video street.mp4 -o report.html",
        "poseflow report tracked.json --video street.mp4 --gt truth.json --embed",
    ),
    "stats": ("poseflow stats tracked.json --format csv -o tracks.csv",),
    "events": ("poseflow events tracked.json --sort suspicion --top 20",),
    "convert": (
        "poseflow convert tracked.json submission.json --to posetrack18 "
        "--skeleton posetrack18 --estimate",
    ),
    "evaluate": (
        "poseflow evaluate annotations/val results/ --mode poseval",
        "poseflow evaluate annotations/val results/ --metrics ap,mot,hota,idf1",
        "poseflow evaluate annotations/val results/ --check",
    ),
    "evaluate-coco": (
        "poseflow evaluate-coco person_keypoints_val2017.json poses.json",
    ),
    "evaluate-mot": (
        "poseflow evaluate-mot MOT17/train results/ --convention trackeval",
    ),
    "evaluate-tracks": (
        "poseflow evaluate-tracks truth.json tracked.json --similarity oks",
    ),
    "compare": ("poseflow compare annotations/val results_a/ results_b/",),
    "train": (
        "poseflow train configs/small/rendered.yaml",
        "poseflow train configs/small/pose.yaml --set data.root=data --set epochs=60",
    ),
    "validate": (
        "poseflow validate configs/small/rendered.yaml "
        "--weights runs/rendered/best.safetensors",
    ),
    "tune-nms": ("poseflow tune-nms annotations.json poses.json -o nms.json",),
    "demo": ("poseflow demo --out demo",),
    "benchmark": ("poseflow benchmark tracking",),
    "info": ("poseflow info", "poseflow info street.mp4"),
}
"""Command -> its examples."""


def command_group(command: str) -> str | None:
    """The group of a command in the help of `poseflow`."""
    for group, names in COMMAND_GROUPS.items():
        if command in names:
            return group
    return None


def epilog(command: str) -> str | None:
    """The examples of a command, a paragraph each; None for a command without."""
    lines = EXAMPLES.get(command)
    return None if lines is None else "\n\n".join(["Examples:", *lines])
