"""`poseflow models`: the model in the package, and other projects' by name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from poseflow.cli.say import say


class Action(StrEnum):
    """What to do."""

    list = "list"
    get = "get"
    where = "where"


def models(
    action: Annotated[
        Action,
        typer.Argument(help="list; get: download; where: tell path, urls, checksum."),
    ] = Action.list,
    name: Annotated[
        str | None, typer.Argument(help="Which model, for get and where.")
    ] = None,
) -> None:
    """List the models that are known by name, download one, or tell where it is."""
    if action is Action.list:
        _list()
        return
    if name is None:
        raise typer.BadParameter(f"{action} needs the NAME of a model")
    from poseflow.estimator.downloads import cached_path, locate
    from poseflow.estimator.known_models import known_model

    model = known_model(name)
    if action is Action.get:
        say(str(locate(name)))
        return
    path = cached_path(name)
    say(f"{path}{'' if path.exists() else '  (not downloaded)'}")
    say(f"sha256 {model.sha256}")
    for url in model.urls:
        say(url)


def _list() -> None:
    from poseflow.estimator.known_models import KNOWN_MODELS
    from poseflow.estimator.movenet.files import summary

    rows = [("embedded", "default, in the package", summary())]
    rows += [
        (name, f"{model.use} {name}", f"{model.about}; {model.licence}")
        for name, model in KNOWN_MODELS.items()
    ]
    widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
    for first, use, about in rows:
        say(f"{first:<{widths[0]}}  {use:<{widths[1]}}  {about}")
