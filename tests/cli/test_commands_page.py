"""docs/commands.md lists the options of all commands.

`POSEFLOW_UPDATE_DOCS=1 pytest tests/cli/test_commands_page.py` writes the tables anew.
"""

import inspect
import os
import re
from pathlib import Path

import typer

from poseflow.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
MARKS = ("<!-- commands -->\n", "<!-- /commands -->\n")


def title(argument):
    return (argument.metavar or argument.name).upper()


def tables():
    group = typer.main.get_command(app)
    lines = []
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        usage = " ".join(title(a) if a.required else f"[{title(a)}]" for a in arguments)
        lines += [f"### `poseflow {name} {usage}".rstrip() + "`", ""]
        lines += [" ".join(inspect.cleandoc(command.help).split()), ""]
        lines += ["| | | default |", "|---|---|---|"]
        for parameter in (*arguments, *options):
            names = [*parameter.opts, *parameter.secondary_opts]
            shown = (
                title(parameter)
                if parameter in arguments
                else ", ".join(n for n in names if n != "--help")
            )
            default = parameter.default
            if parameter.required or default in (None, False, (), []):
                default = "required" if parameter.required else ""
            elif callable(default):
                default = ""
            text = " ".join((parameter.help or "").split()).replace("|", "\\|")
            lines.append(
                f"| `{shown}` | {text} | {getattr(default, 'value', default)} |"
            )
        lines.append("")
    return "\n".join(lines)


def test_the_page_is_up_to_date():
    text = PAGE.read_text()
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    expected = before + MARKS[0] + tables() + MARKS[1] + after
    if os.environ.get("POSEFLOW_UPDATE_DOCS"):
        PAGE.write_text(expected)
        return
    assert text == expected


def test_every_command_explains_itself():
    text = tables()
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \| .*\|$", text, re.MULTILINE)
    assert len(rows) > 30
    assert [name for name, help_ in rows if not help_] == []
