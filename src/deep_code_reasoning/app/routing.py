"""Where routing gets its settings from: $DCR_ROUTING, else `routing.toml` in the program's home, else the defaults."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from ..errors import RoutingSettingsError
from ..routing.configuration import read_settings
from ..routing.settings import RoutingSettings
from ..store.library import home


def load_routing() -> RoutingSettings:
    """The user's settings; the defaults when there is no file, which is a normal state.

    Raises:
        RoutingSettingsError: when the file cannot be read, or holds what is no setting.
    """
    chosen = os.environ.get("DCR_ROUTING")
    path = Path(chosen) if chosen else home() / "routing.toml"
    if not chosen and not path.is_file():
        return RoutingSettings()
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise RoutingSettingsError(f"{path}: {fault}", "docs/reference/routing.md shows its form") from fault
    return read_settings(content, str(path))
