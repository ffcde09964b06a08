"""Log lines to templates: `mine` lines, or `mine_shapes` that an engine has counted. Standard library only."""

from .headers import HeaderFormat
from .merging import Settings
from .miner import Mining, Template, mine, mine_shapes
from .signature import signature_sql, signatures

__all__ = ["HeaderFormat", "Mining", "Settings", "Template", "mine", "mine_shapes", "signature_sql", "signatures"]
