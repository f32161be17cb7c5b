"""`--help`: every command has examples, and they are valid command lines."""

import shlex

import pytest
import typer

from poseflow.cli.app import app
from poseflow.cli.help import EXAMPLES, GROUPS

COMMANDS = typer.main.get_command(app).commands


def test_every_command_has_examples():
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize(
    "line", [line for lines in EXAMPLES.values() for line in lines]
)
def test_an_example_is_a_valid_command_line(line):
    program, command, *arguments = shlex.split(line)
    assert program == "poseflow"
    with COMMANDS[command].make_context(command, arguments):
        pass  # unknown options and wrong values are errors


def test_help_shows_groups_and_examples(capsys):
    with pytest.raises(SystemExit):
        app(["track", "--help"])
    shown = capsys.readouterr().out
    assert "poseflow track street.mp4 -o tracked.json" in shown
    for group in GROUPS:
        assert f" {group} " in shown
