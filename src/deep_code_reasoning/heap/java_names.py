"""Names of Java classes as programmers write them, from how the virtual machine does.

Source: The Java Virtual Machine Specification, 4.3.2 (field descriptors).
"""

from __future__ import annotations

from typing import Final

_PRIMITIVES: Final = {
    "Z": "boolean", "C": "char", "F": "float", "D": "double", "B": "byte", "S": "short", "I": "int", "J": "long"
}  # fmt: skip


def java_name(name: str) -> str:
    """`java.util.HashMap$Node[]` for `[Ljava/util/HashMap$Node;`, `byte[][]` for `[[B`."""
    bare = name.lstrip("[").replace("/", ".")
    depth = len(name) - len(name.lstrip("["))
    if not depth:
        return bare
    element = _PRIMITIVES.get(bare) or bare.removeprefix("L").rstrip(";")
    return element + "[]" * depth
