"""Log lines to templates. Standard library only, no I/O.

`mine(lines)` takes messages; `mine(lines, HeaderFormat.learn(lines))` takes whole lines of one source. Where an engine
holds the lines, it groups them by `signature_sql(column)`, and `mine_shapes(counts)` takes the few groups.
"""

from .headers import HeaderFormat
from .merging import Settings
from .miner import Mining, Template, mine, mine_shapes
from .signature import signature_sql, signatures

__all__ = ["HeaderFormat", "Mining", "Settings", "Template", "mine", "mine_shapes", "signature_sql", "signatures"]
