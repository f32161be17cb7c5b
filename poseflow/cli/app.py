"""The whole app of the command line: all commands by name."""

from __future__ import annotations

from poseflow.cli.make_app import HOMES, load_command, make_app

COMMANDS = tuple(load_command(name) for name in HOMES)
app = make_app()
