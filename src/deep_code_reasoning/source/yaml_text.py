"""A piece of YAML as plain values, all of them as text: times and numbers stay as they are written."""

from __future__ import annotations

from typing import Any


def value_of(text: str) -> tuple[Any, str]:
    """The value that a text of YAML is, and the reason why it is none, or ''.

    References (`*name`) are not followed: a few lines of them can stand for gigabytes.
    """
    import yaml

    try:
        for event in yaml.parse(text, Loader=yaml.CBaseLoader):
            if isinstance(event, yaml.AliasEvent):
                return None, "a YAML reference, which is not followed"
        return yaml.load(text, Loader=yaml.CBaseLoader), ""  # noqa: S506 - it makes texts alone
    except (yaml.YAMLError, RecursionError, ValueError) as fault:
        return None, f"no YAML: {' '.join(str(fault).split())[:120]}"
