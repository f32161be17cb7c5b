"""Make docs/images/demo.gif: the demo's street, tracked with the model in the package.

Run `python tools/readme_animation.py docs/images/demo.gif`.
"""

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av

import poseflow
from poseflow.demo import run_demo
from poseflow.formats import AtomicFile

WIDTH, FRAMES, STEP, COLOURS = 560, 100, 2, 96
"""Size in pixels, frames of the scene, every which one is shown, colours."""


def write_gif(video: Path, out: Path, width: int, step: int, colours: int) -> None:
    """Write every so many-th frame of a video as an endless animation.

    One palette serves all frames, without dithering: noise of dithering would not
    compress.
    """
    with av.open(str(video)) as source:
        stream = source.streams.video[0]
        rate = Fraction(stream.average_rate or 25) / step
        graph = av.filter.Graph()
        start = graph.add_buffer(template=stream)
        scale = graph.add("scale", f"{width}:-1:flags=area")
        split = graph.add("split")
        palette = graph.add("palettegen", f"max_colors={colours}:stats_mode=full")
        use = graph.add("paletteuse", "dither=none:diff_mode=rectangle")
        sink = graph.add("buffersink")
        start.link_to(scale)
        scale.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        for number, frame in enumerate(source.decode(stream)):
            if number % step == 0:
                graph.push(frame)
        graph.push(None)
        with AtomicFile(out) as file, av.open(file, "w", format="gif") as target:
            drawn = None
            number = 0
            while True:
                try:
                    frame = graph.pull()
                except (av.error.EOFError, av.error.BlockingIOError):
                    break
                if drawn is None:
                    drawn = target.add_stream("gif", rate=rate)
                    drawn.width, drawn.height = frame.width, frame.height
                    drawn.pix_fmt = "pal8"
                frame.pts, frame.time_base = number, 1 / rate
                number += 1
                target.mux(drawn.encode(frame))
            target.mux(drawn.encode(None))


def main() -> None:
    """Run the demo in a temporary folder and write the animation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        run_demo(
            folder,
            frames=FRAMES,
            size=(960, 540),
            estimator=poseflow.Estimator(quality="best"),
        )
        write_gif(Path(folder) / "tracked.mp4", out, WIDTH, STEP, COLOURS)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
