"""The programming languages whose structure we read: how files of each are known, and what defines a name in it.

Each has a query in tree-sitter's language: `@function` and `@class` are whole definitions, `@name` is the name of one,
`@call` is the name that is called. A language without a grammar here is still searched, as plain text.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Query


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its name, its files' endings, the module and function that bring its grammar, and its query."""

    name: str
    endings: tuple[str, ...]
    module: str
    query: str
    entry: str = "language"


_JAVASCRIPT: Final = """
(function_declaration name: (_) @name) @function
(generator_function_declaration name: (_) @name) @function
(method_definition name: (_) @name) @function
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function
(class_declaration name: (_) @name) @class
(call_expression function: [(identifier) @call (member_expression property: (_) @call)])
(new_expression constructor: (identifier) @call)
"""
_TYPESCRIPT: Final = (
    _JAVASCRIPT
    + """
(abstract_class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
"""
)
_C: Final = """
(function_definition declarator: (function_declarator declarator: (_) @name)) @function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name))) @function
(struct_specifier name: (_) @name body: (_)) @class
(call_expression function: [(identifier) @call (field_expression field: (_) @call)])
"""

LANGUAGES: Final = (
    Language(
        "python",
        (".py", ".pyi"),
        "tree_sitter_python",
        """
        (function_definition name: (_) @name) @function
        (class_definition name: (_) @name) @class
        (call function: [(identifier) @call (attribute attribute: (_) @call)])
        """,
    ),
    Language("javascript", (".js", ".jsx", ".mjs", ".cjs"), "tree_sitter_javascript", _JAVASCRIPT),
    Language("typescript", (".ts", ".mts", ".cts"), "tree_sitter_typescript", _TYPESCRIPT, "language_typescript"),
    Language("tsx", (".tsx",), "tree_sitter_typescript", _TYPESCRIPT, "language_tsx"),
    Language(
        "java",
        (".java",),
        "tree_sitter_java",
        """
        (method_declaration name: (_) @name) @function
        (constructor_declaration name: (_) @name) @function
        (class_declaration name: (_) @name) @class
        (interface_declaration name: (_) @name) @class
        (enum_declaration name: (_) @name) @class
        (record_declaration name: (_) @name) @class
        (method_invocation name: (_) @call)
        (object_creation_expression type: (type_identifier) @call)
        """,
    ),
    Language(
        "kotlin",
        (".kt", ".kts"),
        "tree_sitter_kotlin",
        """
        (function_declaration name: (_) @name) @function
        (class_declaration name: (_) @name) @class
        (object_declaration name: (_) @name) @class
        (call_expression (identifier) @call)
        (call_expression (navigation_expression (identifier) @call .))
        """,
    ),
    Language(
        "go",
        (".go",),
        "tree_sitter_go",
        """
        (function_declaration name: (_) @name) @function
        (method_declaration name: (_) @name) @function
        (type_spec name: (_) @name) @class
        (call_expression function: [(identifier) @call (selector_expression field: (_) @call)])
        """,
    ),
    Language(
        "csharp",
        (".cs",),
        "tree_sitter_c_sharp",
        """
        (method_declaration name: (_) @name) @function
        (constructor_declaration name: (_) @name) @function
        (local_function_statement name: (_) @name) @function
        (class_declaration name: (_) @name) @class
        (interface_declaration name: (_) @name) @class
        (struct_declaration name: (_) @name) @class
        (record_declaration name: (_) @name) @class
        (invocation_expression function: [(identifier) @call (member_access_expression name: (_) @call)])
        (object_creation_expression type: (identifier) @call)
        """,
    ),
    Language(
        "ruby",
        (".rb", ".rake"),
        "tree_sitter_ruby",
        """
        (method name: (_) @name) @function
        (singleton_method name: (_) @name) @function
        (class name: (_) @name) @class
        (module name: (_) @name) @class
        (call method: (_) @call)
        """,
    ),
    Language(
        "php",
        (".php",),
        "tree_sitter_php",
        """
        (function_definition name: (_) @name) @function
        (method_declaration name: (_) @name) @function
        (class_declaration name: (_) @name) @class
        (interface_declaration name: (_) @name) @class
        (trait_declaration name: (_) @name) @class
        (function_call_expression function: (name) @call)
        (member_call_expression name: (_) @call)
        (scoped_call_expression name: (_) @call)
        """,
        "language_php",
    ),
    Language(
        "rust",
        (".rs",),
        "tree_sitter_rust",
        """
        (function_item name: (_) @name) @function
        (struct_item name: (_) @name) @class
        (enum_item name: (_) @name) @class
        (trait_item name: (_) @name) @class
        (impl_item type: (_) @name) @class
        (call_expression function: [(identifier) @call (field_expression field: (_) @call)])
        (call_expression function: (scoped_identifier name: (_) @call))
        """,
    ),
    Language("c", (".c", ".h"), "tree_sitter_c", _C),
    Language(
        "cpp",
        (".cc", ".cpp", ".cxx", ".hpp", ".hh"),
        "tree_sitter_cpp",
        _C
        + """
        (class_specifier name: (_) @name body: (_)) @class
        """,
    ),
)
# Without a grammar, and yet what a fault may sit in: queries, contracts, configuration, templates, deployment.
_PLAIN_ENDINGS: Final = frozenset(
    ".sql .proto .thrift .graphql .gql .yaml .yml .toml .ini .cfg .conf .properties .xml .gradle .tf .sh .scala .swift "
    ".ex .exs .erl .clj .hs .lua .pl .dart .vue .svelte .html .jinja .j2 .erb .cshtml .razor .r .jl .m .mm "
    ".groovy".split()
)
_PLAIN_NAMES: Final = frozenset({"dockerfile", "makefile", "jenkinsfile", "procfile", "gemfile"})
# Shorter texts take no second, whatever they hold; 2 MB of what people write takes about a quarter of one.
_WATCHED_BYTES: Final = 50_000
_MAX_PARSE_S: Final = 3.0
# A watched text is handed over in pieces of this size, again for the text of each node that is asked for.
_CHUNK_BYTES: Final = 4_096
_BY_ENDING: Final = {ending: language for language in LANGUAGES for ending in language.endings}


def language_of(path: str) -> Language | None:
    """The language of a file, by its ending; None when there is no grammar for it."""
    return _BY_ENDING.get(_ending(path))


def is_searched(path: str) -> bool:
    """Whether a file can hold what a fault comes from. Prose and data cannot: they only share its words."""
    name = path.rpartition("/")[2].lower()
    return _ending(path) in _BY_ENDING.keys() | _PLAIN_ENDINGS or name in _PLAIN_NAMES


@lru_cache(maxsize=len(LANGUAGES))
def grammar(language: Language) -> tuple[Parser, Query]:
    """The parser and the compiled query of a language; loaded at its first use."""
    import tree_sitter

    made = tree_sitter.Language(getattr(importlib.import_module(language.module), language.entry)())
    return tree_sitter.Parser(made), tree_sitter.Query(made, language.query)


def syntax_tree(language: Language, content: bytes) -> Node | None:
    """The root of a text's syntax tree; None when it would take longer than any text of a person's does.

    Broken text that looks for its end from everywhere (a million comments that are opened and none closed) takes the
    square of its length.
    """
    parser = grammar(language)[0]
    if len(content) < _WATCHED_BYTES:
        return parser.parse(content).root_node
    until = time.process_time() + _MAX_PARSE_S
    try:
        tree = parser.parse(
            lambda start, _: content[start : start + _CHUNK_BYTES],
            progress_callback=lambda *_: time.process_time() > until,
        )
    except ValueError:
        parser.reset()
        return None
    return tree.root_node


def _ending(path: str) -> str:
    stem, dot, ending = path.rpartition("/")[2].lower().rpartition(".")
    return f".{ending}" if stem and dot else ""
