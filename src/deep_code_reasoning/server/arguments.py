"""Arguments of tools: one model a tool, from which its advertised schema is made; loose input is put right and said."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")
# What a JSON object becomes.
_OBJECTS: Final = (dict, BaseModel)


class Arguments(BaseModel):
    """Base of all arguments. Unknown ones are refused; those that are only written differently are put right.

    What was put right goes to the validation context, a list of sentences, and from there into the answer.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _put_right(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Mapping):
            return value
        notes: list[str] = info.context if isinstance(info.context, list) else []
        put_right: dict[str, Any] = {}
        for name, given in value.items():
            known = cls._known_name(str(name))
            if known != name:
                notes.append(f"{name} was taken as {known}")
            if known in put_right:
                raise ValueError(f"{known} is given twice")
            put_right[known] = cls._reshaped(known, given, notes)
        return {name: given for name, given in put_right.items() if given is not None or name not in cls._defaulted()}

    @classmethod
    def _known_name(cls, name: str) -> str:
        fields = cls.model_fields
        if name in fields:
            return name
        snake = _CAMEL.sub(r"_\1", name).lower().replace("-", "_")
        if snake in fields:
            return snake
        near = difflib.get_close_matches(snake, fields, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"unknown argument '{name[:60]}'{meant} (known: {', '.join(fields)})")

    @classmethod
    def _defaulted(cls) -> set[str]:
        """Fields for which null says the same as leaving them out."""
        return {name for name, field in cls.model_fields.items() if not field.is_required()}

    @classmethod
    def _reshaped(cls, name: str, given: Any, notes: list[str]) -> Any:
        """A list or an object that came as a string; one thing where a list is expected."""
        wanted = _shape(cls.model_fields[name].annotation)
        if isinstance(given, str) and wanted is not None and given.lstrip()[:1] in ("[", "{"):
            try:
                given = json.loads(given)
            except ValueError:
                pass
            else:
                notes.append(f"{name} came as text and was read as JSON")
        if wanted is list and given is not None and not isinstance(given, list | tuple):
            notes.append(f"{name} was one thing and was taken as a list of one")
            return [given]
        return given


def _shape(annotation: Any) -> type | None:
    """`list`, `dict`, or None for what is neither."""
    if get_origin(annotation) is list:
        return list
    if isinstance(annotation, type) and issubclass(annotation, _OBJECTS):
        return dict
    shapes = {_shape(part) for part in get_args(annotation)} - {None}
    return shapes.pop() if len(shapes) == 1 else None


def flat_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model as clients take it best: without references, titles, or nulls that say nothing.

    Words of classes are for us, and defaults stand in the descriptions, since some clients drop them.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    for node in (schema, *definitions.values()):
        node.pop("description", None)
    flat: dict[str, Any] = _flattened(schema, definitions)
    return flat


def _flattened(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_flattened(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return _flattened({**target, **{key: value for key, value in node.items() if key != "$ref"}}, definitions)
    options = [option for option in node.get("anyOf", ()) if option != {"type": "null"}]
    if "anyOf" in node and len(options) == 1:
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _flattened({**options[0], **rest}, definitions)
    flat = {}
    for key, value in node.items():
        if key == "properties":
            flat[key] = {name: _flattened(inner, definitions) for name, inner in value.items()}
        elif key not in ("title", "default") and (key != "additionalProperties" or value is not True):
            flat[key] = _flattened(value, definitions)
    return flat
