"""The command `poseflow`: parses, calls, prints."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Run the command line and exit with the contract's codes."""
    _prepare_streams()
    try:
        # SIGTERM, sent by `kill` and `timeout`, ends a run in the same way as Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Imported here so that `import poseflow.cli` costs nothing.
        from poseflow.cli.make_app import HOMES, make_app

        called = [name for name in sys.argv[1:2] if name in HOMES]
        make_app(called or HOMES)()
    except KeyboardInterrupt:  # before a command runs; guard.py handles later ones
        sys.stderr.write("poseflow: interrupted\n")
        sys.exit(130)


def _prepare_streams() -> None:
    """Make sure that both streams exist and can print any file name."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller (`>&-`), or a program without console
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
