"""How each grammar writes what contracts are read from: calls, marks (decorators, annotations, attributes), values.

Queries in tree-sitter's language: `@call` is a call or the making of an object, `@mark` a decorator or annotation,
`@class` a type with a body, `@name` and `@value` what is given a name, `@held` and `@type` what a name is declared
with. What differs between grammars is said here, so that the rest reads one language.
"""

from __future__ import annotations

from typing import Final

_JAVASCRIPT: Final = """
(function_declaration) @function
(method_definition) @function
(call_expression arguments: (arguments)) @call
(new_expression) @call
(decorator) @mark
(class_declaration) @class
(variable_declarator name: (_) @name value: (_) @value)
(assignment_expression left: (_) @name right: (_) @value)
(augmented_assignment_expression left: (_) @name operator: "??=" right: (_) @value)
(pair key: (_) @name value: (_) @value)
(export_statement "default" value: (_) @value) @name
(export_statement "default" declaration: (_) @value) @name
"""
_TYPESCRIPT: Final = (
    _JAVASCRIPT
    + """
(abstract_class_declaration) @class
(public_field_definition name: (_) @name value: (_) @value)
(enum_assignment name: (_) @name value: (_) @value)
(public_field_definition name: (_) @held type: (_) @type)
(required_parameter pattern: (identifier) @held type: (_) @type)
(optional_parameter pattern: (identifier) @held type: (_) @type)
(variable_declarator name: (identifier) @held type: (_) @type)
"""
)

QUERIES: Final = {
    "python": """
        (function_definition) @function
        (call) @call
        (decorator) @mark
        (class_definition) @class
        (assignment left: (_) @name right: (_) @value)
        (default_parameter name: (_) @name value: (_) @value)
        (typed_default_parameter name: (_) @name value: (_) @value)
        (pair key: (string) @name value: (_) @value)
        (as_pattern (_) @value (as_pattern_target (_) @name))
        (assignment left: (identifier) @held type: (_) @type)
        (typed_parameter . (identifier) @held type: (_) @type)
        (typed_default_parameter name: (_) @held type: (_) @type)
        """,
    "javascript": _JAVASCRIPT + "(field_definition property: (_) @name value: (_) @value)",
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "java": """
        (method_declaration) @function
        (constructor_declaration) @function
        (method_invocation) @call
        (object_creation_expression) @call
        (explicit_constructor_invocation) @call
        (annotation) @mark
        (marker_annotation) @mark
        (class_declaration) @class
        (interface_declaration) @class
        (record_declaration) @class
        (enum_declaration) @class
        (variable_declarator name: (_) @name value: (_) @value)
        (enum_constant name: (_) @name arguments: (argument_list . (_) @value))
        (assignment_expression left: (_) @name right: (_) @value)
        (formal_parameter type: (_) @type name: (_) @held)
        (field_declaration type: (_) @type declarator: (variable_declarator name: (_) @held))
        (local_variable_declaration type: (_) @type declarator: (variable_declarator name: (_) @held))
        (resource type: (_) @type name: (_) @held)
        (resource name: (_) @name value: (_) @value)
        (enhanced_for_statement type: (_) @type name: (_) @held)
        (instanceof_expression right: (_) @type name: (_) @held)
        """,
    "kotlin": """
        (function_declaration) @function
        (call_expression) @call
        (delegation_specifier (constructor_invocation) @call)
        (annotation) @mark
        (class_declaration) @class
        (object_declaration) @class
        (property_declaration (variable_declaration (identifier) @name) (_) @value .)
        (class_parameter (identifier) @name [(user_type) (nullable_type)] (_) @value .)
        (enum_entry (identifier) @name (value_arguments . (value_argument (_) @value)))
        (class_parameter (identifier) @held [(user_type) (nullable_type)] @type)
        (parameter (identifier) @held [(user_type) (nullable_type)] @type)
        (variable_declaration (identifier) @held [(user_type) (nullable_type)] @type)
        """,
    "go": """
        (function_declaration) @function
        (method_declaration) @function
        (call_expression) @call
        (composite_literal) @call
        (const_spec name: (_) @name value: (_) @value)
        (var_spec name: (_) @name value: (_) @value)
        (short_var_declaration left: (_) @name right: (_) @value)
        (assignment_statement left: (_) @name right: (_) @value)
        (keyed_element key: (_) @name value: (_) @value)
        (parameter_declaration name: (_) @held type: (_) @type)
        (field_declaration name: (_) @held type: (_) @type)
        (var_spec name: (_) @held type: (_) @type)
        """,
    "csharp": """
        (method_declaration) @function
        (constructor_declaration) @function
        (local_function_statement) @function
        (invocation_expression) @call
        (object_creation_expression) @call
        (constructor_initializer) @call
        (base_list (argument_list)) @call
        (attribute) @mark
        (class_declaration) @class
        (interface_declaration) @class
        (record_declaration) @class
        (variable_declarator name: (_) @name (_) @value .)
        (assignment_expression left: (_) @name right: (_) @value)
        (property_declaration name: (_) @name value: (_) @value)
        (parameter type: (_) @type name: (_) @held)
        (variable_declaration type: (_) @type (variable_declarator name: (_) @held))
        (property_declaration type: (_) @type name: (_) @held)
        """,
    "ruby": """
        (method) @function
        (singleton_method) @function
        (call) @call
        (class) @class
        (module) @class
        (assignment left: (_) @name right: (_) @value)
        (operator_assignment left: (_) @name right: (_) @value)
        (keyword_parameter name: (_) @name value: (_) @value)
        (optional_parameter name: (_) @name value: (_) @value)
        """,
    "php": """
        (function_definition) @function
        (method_declaration) @function
        (function_call_expression) @call
        (require_expression) @call
        (require_once_expression) @call
        (include_expression) @call
        (include_once_expression) @call
        (member_call_expression) @call
        (nullsafe_member_call_expression) @call
        (scoped_call_expression) @call
        (object_creation_expression) @call
        (attribute) @mark
        (class_declaration) @class
        (interface_declaration) @class
        (assignment_expression left: (_) @name right: (_) @value)
        (augmented_assignment_expression left: (_) @name operator: "??=" right: (_) @value)
        (const_element (name) @name (_) @value .)
        (enum_case name: (_) @name value: (_) @value)
        (property_element name: (_) @name default_value: (_) @value)
        (simple_parameter type: (_) @type name: (_) @held)
        (property_promotion_parameter type: (_) @type name: (_) @held)
        (property_declaration type: (_) @type (property_element name: (_) @held))
        """,
    "rust": """
        (function_item) @function
        (call_expression) @call
        (attribute_item) @mark
        (impl_item) @class
        (const_item name: (_) @name value: (_) @value)
        (static_item name: (_) @name value: (_) @value)
        (let_declaration pattern: (_) @name value: (_) @value)
        (field_initializer field: (_) @name value: (_) @value)
        """,
    "cpp": """
        (function_definition) @function
        (call_expression) @call
        (class_specifier) @class
        (init_declarator declarator: (_) @name value: (_) @value)
        """,
}

# What comments are called where that is not `comment`.
COMMENTS: Final = {
    "java": ("line_comment", "block_comment"), "kotlin": ("line_comment", "block_comment"),
    "rust": ("line_comment", "block_comment"),
}  # fmt: skip

RECEIVER_FIELDS: Final = ("object", "receiver", "scope", "operand", "expression", "value", "argument", "path")
CLASS_TYPES: Final = frozenset(
    "class_definition class_declaration abstract_class_declaration interface_declaration record_declaration "
    "enum_declaration object_declaration class module class_specifier impl_item".split()
)
FUNCTION_TYPES: Final = frozenset(
    "function_definition function_declaration method_definition method_declaration function_item method "
    "singleton_method constructor_declaration local_function_statement".split()
)
LAMBDA_TYPES: Final = frozenset(
    "arrow_function function_expression func_literal lambda_expression anonymous_function lambda_literal do_block "
    "block lambda closure_expression".split()
)
# Children of a class that are the parameters of its constructor.
PRIMARY_CONSTRUCTORS: Final = frozenset({"primary_constructor", "parameter_list"})
# Around what is meant: arguments in their wrappers, brackets, dereferences, waiting, casts.
WRAPPERS: Final = frozenset(
    "argument value_argument parenthesized_expression await_expression await unary_expression reference_expression "
    "literal_element as_expression satisfies_expression non_null_expression expression_list cast_expression "
    "postfix_unary_expression list_splat spread_element variadic_unpacking pointer_expression try_expression "
    "body_statement".split()
)
STRING_TYPES: Final = frozenset(
    "string string_literal template_string interpreted_string_literal raw_string_literal verbatim_string_literal "
    "interpolated_string_expression encapsed_string multiline_string_literal concatenated_string heredoc "
    "delimited_symbol".split()
)
INTERPOLATIONS: Final = frozenset(
    "interpolation template_substitution string_interpolation template_expression".split()
)
LISTS: Final = frozenset(
    "list tuple array array_creation_expression element_value_array_initializer collection_literal "
    "array_initializer initializer_expression composite_literal literal_value collection_expression "
    "array_expression symbol_array string_array set implicit_array_creation_expression list_expression".split()
)
NAMES: Final = frozenset(
    "identifier field_identifier property_identifier constant variable_name name type_identifier instance_variable "
    "simple_identifier shorthand_property_identifier simple_symbol hash_key_symbol class_variable".split()
)
MEMBERS: Final = frozenset(
    "attribute member_expression field_access navigation_expression selector_expression member_access_expression "
    "member_access_expression field_expression scoped_identifier qualified_identifier scope_resolution "
    "class_constant_access_expression scoped_property_access_expression qualified_name".split()
)
SUBSCRIPTS: Final = frozenset(
    "subscript subscript_expression element_access_expression element_reference indexing_expression array_access "
    "index_expression".split()
)
