"""Resources: cases, what was found in them, their reports, and the tables that SQL may name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import mcp_types as types
from mcp.shared.exceptions import MCPError

from ..errors import DeepCodeReasoningError
from .tool import case_name
from .workers import Workers

SCHEMA_URI: Final = "case://schema"
_URI: Final = re.compile(r"case://(?P<case>[^/]+)(?:/(?P<part>findings|report))?")
# Cases that are listed one by one; the others are named by completion.
_MOST_LISTED: Final = 100
_TEMPLATES: Final = (
    ("case://{case}", "case", "What a case holds: sources, rows, times", "application/json"),
    ("case://{case}/findings", "findings", "Verdict, causes, findings and checks of a case", "application/json"),
    ("case://{case}/report", "report", "The report of a case", "text/markdown"),
)


async def list_resources(_: Any, __: Any) -> types.ListResourcesResult:
    """The schema, and every case."""
    from ..app.case_documents import case_names

    words = "Tables and columns of a case"
    listed = [types.Resource(uri=SCHEMA_URI, name="schema", description=words, mime_type="text/plain")]
    listed += [
        types.Resource(uri=f"case://{name}", name=name, description="What the case holds", mime_type="application/json")
        for name in case_names()[:_MOST_LISTED]
    ]
    return types.ListResourcesResult(resources=listed)


async def list_templates(_: Any, __: Any) -> types.ListResourceTemplatesResult:
    """What there is of every case."""
    return types.ListResourceTemplatesResult(
        resource_templates=[
            types.ResourceTemplate(uri_template=uri, name=name, description=words, mime_type=mime)
            for uri, name, words, mime in _TEMPLATES
        ]
    )


def reader(workers: Workers) -> Callable[[Any, types.ReadResourceRequestParams], Any]:
    """The function that reads a resource."""

    async def read(_: Any, asked: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        try:
            text, mime = await _read(workers, str(asked.uri))
        except DeepCodeReasoningError as error:
            raise MCPError(types.INVALID_PARAMS, f"{error.code}: {error.message}", {"uri": str(asked.uri)}) from error
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=asked.uri, text=text, mime_type=mime)])

    return read


async def _read(workers: Workers, uri: str) -> tuple[str, str]:
    from ..app.case_documents import MIME_TYPES, case_document, schema_document
    from ..packing.redaction import redact

    if uri == SCHEMA_URI:
        return schema_document(), "text/plain"
    match = _URI.fullmatch(uri)
    if match is None:
        raise MCPError(types.INVALID_PARAMS, f"there is no resource {uri[:100]}", {"uri": uri[:100]})
    part = match["part"] or "summary"
    text = await workers.run(case_document, case_name(match["case"]), part)
    return redact(text).text, MIME_TYPES[part]
