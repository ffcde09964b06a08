"""Log records to templates: the engine counts shapes, the miner reads the few that there are.

The *shape* of a record is a hash of the first line of its body with numbers and ids masked: cheap enough to be taken
of every record in the engine. Millions of records have thousands of shapes; only those are mined (`templates/`), and
the table `log_shapes` leads from shape to template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ..templates import mine_shapes, signature_sql
from . import engine
from .schema import LOGS

# What identifies a statement stands at the beginning; the rest of a very long line is data.
_MAX_CHARACTERS: Final = 1_000
# Shapes beyond this many (the rarest) stay without a template: logs in which every line is of its own shape are no
# statements but data, and mining them would take minutes.
_MAX_SHAPES: Final = 100_000
# UUIDs, and runs of hexadecimal digits as long as a short hash: as good as different on every line.
_IDS: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|\\b[0-9a-fA-F]{8,}\\b"

_MASKED: Final = signature_sql(
    f"replaceRegexpAll(substringUTF8(extract(body, '^[^\\\\n]*'), 1, {_MAX_CHARACTERS}), '{_IDS}', '0')"
)
SHAPE: Final = f"cityHash64({_MASKED})"
"""SQL: the shape of a log record, from its column `body`."""


def with_shapes(select: str) -> str:
    """A SELECT of log records with their shapes filled in."""
    return f"SELECT * REPLACE ({SHAPE} AS shape) FROM ({select})"


def shape_rows(database: engine.Database, paths: Sequence[Path]) -> Iterator[dict[str, object]]:
    """Rows of `log_shapes` for the records of log files."""
    counted = database.query(
        # All records of a shape look the same once they are masked, so that one of them is.
        f"SELECT shape, {_MASKED} AS masked, n FROM (SELECT shape, any(body) AS body, count() AS n "
        f"FROM ({engine.scan_of(paths, LOGS.structure_of('shape', 'body'))}) GROUP BY shape) "
        f"ORDER BY n DESC, masked LIMIT {_MAX_SHAPES}"
    )
    mining = mine_shapes({row["masked"]: int(row["n"]) for row in counted})
    texts = {template.id: template.text for template in mining.templates}
    for row, template_id in zip(counted, mining.template_ids, strict=True):
        yield {"shape": int(row["shape"]), "template_id": template_id, "template": texts[template_id]}
