"""The command `poseflow`: parses, calls, prints."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with the contract's codes."""
    # Imported here so that `import poseflow.cli` costs nothing.
    from poseflow.cli.app import app

    app()
