"""Rendering of synthetic scenes: people, clothing, street and props.

`renderer` composes a frame. People: `person` (body parts in order), `sprites` (a part
as seen from the camera), `clothes` (its textures). Street: `background`, of `facades`
and `ground`, placed by `layout`. `props` draws occluding objects; `textures` holds the
colours and noise that all surfaces share.
"""
