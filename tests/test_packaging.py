"""The packages for agents and registries agree with the project, and claim nobody's name."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def manifest(name: str) -> dict[str, Any]:
    content = json.loads((PACKAGING / name).read_text())
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize(
    "name",
    ["server.json", "mcpb/manifest.json", "claude-code/.claude-plugin/plugin.json", "gemini/gemini-extension.json"],
)
def test_every_package_is_of_this_version(name: str) -> None:
    assert manifest(name)["version"] == PROJECT["version"]


def test_the_registry_entry_is_one_that_the_registry_takes() -> None:
    entry = manifest("server.json")
    # As the registry's schema of 2025-12-11 and its own rules want them.
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    assert len(entry["description"]) <= 100
    (package,) = entry["packages"]
    assert (package["registryType"], package["identifier"]) == ("pypi", PROJECT["name"])
    assert package["version"] == PROJECT["version"]
    assert package["transport"] == {"type": "stdio"}
    # `uvx deep-code-reasoning-mcp serve` has to be a command.
    assert package["identifier"] in PROJECT["scripts"]


def test_the_name_in_the_registry_is_nobodys_until_somebody_publishes() -> None:
    namespace = manifest("server.json")["name"].partition("/")[0]
    assert (
        namespace == "com.example" or f"mcp-name: {manifest('server.json')['name']}" in (ROOT / "README.md").read_text()
    )
