"""Types as the model sees them (JSON schema), and what it wrote read back into them. pydantic is imported when used."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ..errors import ModelNotConfiguredError
from .wire import AnswerSpec

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# A model that was asked for JSON may put a fence around it, and a sentence before.
_FENCED: Final = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
INSTALL_HINT: Final = "pip install 'deep-code-reasoning-mcp[models]'"


class Unreadable(ValueError):  # noqa: N818 - it is told to the model, and never leaves this package
    """What the model wrote does not fit the type; the message is for the model."""


class Reader:
    """Reads one type from JSON text."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self._adapter = _adapter(type_)

    def spec(self) -> AnswerSpec:
        """The type's name, what it is for, and its schema."""
        return _spec(self._type)

    def read(self, text: str) -> Any:
        """Read the value.

        Raises:
            Unreadable: with what is wrong, in words for the model.
        """
        from pydantic import ValidationError

        try:
            return self._adapter.validate_json(json_part(text))
        except ValidationError as fault:
            lines = [
                f"{'.'.join(str(step) for step in error['loc']) or 'the answer'}: {error['msg']}"
                for error in fault.errors(include_url=False, include_input=False)
            ]
            raise Unreadable("\n".join(lines[:20])) from fault


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    """pydantic's reader of a type; made once, for it takes tens of milliseconds and types are few."""
    try:
        from pydantic import TypeAdapter
    except ImportError as missing:
        raise ModelNotConfiguredError("typed answers and tools need pydantic", INSTALL_HINT) from missing
    return TypeAdapter(type_)


@cache
def _spec(type_: Any) -> AnswerSpec:
    schema = _adapter(type_).json_schema()
    name = str(schema.get("title") or getattr(type_, "__name__", "Answer"))
    return AnswerSpec(name, str(schema.get("description") or "The answer."), schema)


def partial_value(text: str) -> Any:
    """As much JSON as can be read of a text that was cut off or is wrong in type; None when there is none."""
    try:
        from pydantic_core import from_json
    except ImportError:
        return None
    try:
        return from_json(json_part(text), allow_partial="trailing-strings")
    except ValueError:
        return None


def json_part(text: str) -> str:
    """The JSON in a text: the whole, or what stands in a fence, or from the first brace or bracket on."""
    stripped = text.strip()
    if stripped[:1] in ("{", "[", '"'):
        return _first_value(stripped)
    fenced = _FENCED.search(stripped)
    if fenced:
        return fenced[1].strip()
    starts = [at for at in (stripped.find("{"), stripped.find("[")) if at >= 0]
    return _first_value(stripped[min(starts) :]) if starts else stripped


def _first_value(text: str) -> str:
    """The first JSON value of a text, without what is written behind it; the text itself when there is no whole one."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return text
    return text[:end]
