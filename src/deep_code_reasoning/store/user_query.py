"""SQL that comes from outside: one SELECT over the case's tables, checked as a syntax tree, bounded when it runs."""

from __future__ import annotations

from typing import Any, Final

from ..errors import QueryError
from .case import CaseStore
from .engine import Row
from .schema import TABLES

# What a query may take: enough for any question over gigabytes, little enough that a mistake ends by itself.
MAX_SECONDS: Final = 30
MAX_BYTES: Final = 4_000_000

# Functions of the engine that reach out of the case or waste time on purpose. Table functions (file, url, s3, remote,
# executable ...) need no list: a FROM may name nothing but the case's tables.
_REFUSED_FUNCTIONS: Final = frozenset(
    "file sleep sleepeachrow getsetting getmacro getserverport hostname fqdn currentuser currentdatabase throwif "
    "joinget joingetornull filesystemavailable filesystemcapacity filesystemunreserved addresstoline addresstosymbol "
    "demangle getclienthttpheader showcertificate uptime version tcpport displayname buildid queryid "
    "initialqueryid connectionid zookeepersessionuptime structuretocapnprotoschema catboostevaluate "
    "initializeaggregation evalmlmethod".split()
)
_REFUSED_PREFIXES: Final = ("dict", "getos", "remote", "cluster", "url_fetch", "ai", "fuzz")


def checked(sql: str) -> str:
    """Return the statement as it will run, after checking that it only reads the case.

    Raises:
        QueryError: when it is no single SELECT, names other tables, or uses a function that reaches out.
    """
    import sqlglot
    from sqlglot import exp

    try:
        statements = [statement for statement in sqlglot.parse(sql, read="clickhouse") if statement is not None]
    except sqlglot.errors.SqlglotError as fault:
        raise QueryError(f"the SQL cannot be parsed: {str(fault).splitlines()[0]}", "one SELECT is expected") from fault
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise QueryError("only a single SELECT is allowed", "cases are read-only")
    tree = statements[0]
    own_names = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.db and not table.catalog
        if not plain or table.name not in own_names | TABLES.keys():
            raise QueryError(f"'{table.sql(dialect='clickhouse')}' is no table of the case", _tables_hint())
    for node in tree.walk():
        _check_node(node)
    # What runs is written from the checked tree, so that nothing can hide in comments or odd spellings.
    return tree.sql(dialect="clickhouse", comments=False)


def _check_node(node: Any) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Query) and (node.args.get("settings") or node.args.get("format") or node.args.get("into")):
        raise QueryError("SETTINGS, FORMAT and INTO are not allowed", "ask for rows alone")
    if isinstance(node, exp.Command | exp.Into | exp.DDL) and not isinstance(node, exp.Query):
        raise QueryError("only a single SELECT is allowed", "cases are read-only")
    if isinstance(node, exp.Func):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower().replace("_", "")
        if name in _REFUSED_FUNCTIONS or name.startswith(_REFUSED_PREFIXES):
            raise QueryError(f"the function {name} is not allowed", "it reaches out of the case")


def run_bounded(store: CaseStore, statement: str, limit: int) -> list[Row]:
    """Run a checked statement with bounds on rows, bytes and time.

    Raises:
        EngineRefusal: when the engine refuses it, or a bound other than the number of rows is hit.
    """
    return store.query(
        f"SELECT * FROM ({statement}) LIMIT {int(limit)} "
        f"SETTINGS max_execution_time = {MAX_SECONDS}, max_result_bytes = {MAX_BYTES}, result_overflow_mode = 'throw'"
    )


def _tables_hint() -> str:
    return f"the tables are {', '.join(TABLES)}"
