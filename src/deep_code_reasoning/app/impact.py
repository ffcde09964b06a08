"""What a change of some files reaches: code that uses what they define, services that call theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from ..detectors.timeline.graph import service_graph
from ..errors import SourceNotFoundError
from ..packing.pieces.graph import graph
from ..packing.subject import Subject
from ..source import Roots
from ..source.contracts.compare import graph_differences
from ..source.contracts.read import Contracts
from ..source.functions import functions
from ..source.references import References
from ..source.roots import SourceFile
from ..store import CaseStore
from .cases import open_named
from .change_effects import change_effects, frequencies
from .code_references import kept_contracts, references
from .code_telemetry import spans_of_functions
from .investigate import investigation_of
from .reach import callers_of, contracts_touched

# Names that half the code uses say nothing about who depends on a change.
_SHORTEST: Final = 5
_ENDPOINT: Final = re.compile(r"[\"'`](/[A-Za-z][\w\-./{}:$<>]{2,80}|[a-z][\w-]*(?:[.:][\w-]+){1,6})[\"'`]")
_IMPORT: Final = re.compile(r"(?:from|import|use|using|require|export)\b|.*\brequire\(")
_TYPE: Final = re.compile(
    r"^\s*(?:(?:export|public|abstract|final)\s+)*(?:class|interface|struct|enum|trait|type|message)\s+(\w{4,})"
)


def cross_system_impact(
    roots: Roots, paths: Sequence[str], services: Sequence[str], case: str | None, *, kinds: Sequence[str]
) -> dict[str, Any]:
    """Answer a question for the impact of a change of files; each kind of impact only when it is asked for.

    Raises:
        SourceNotFoundError: when none of the files can be read, and no service is named.
        CaseNotFoundError: when a case is named and there is none.
    """
    files, skipped = roots.read_many(paths)
    if not files and not services:
        reasons = "; ".join(f"{skip.path}: {skip.reason}" for skip in skipped[:5])
        raise SourceNotFoundError(f"none of the files could be read: {reasons}", "give files of the allowed folders")
    with references(roots) as names:
        reached = callers_of(names, files)
        sections: dict[str, Any] = {"breaking": _breaking(names, files)} if "breaking" in kinds else {}
    contracts = kept_contracts(roots)
    touched = contracts_touched(contracts, files, reached)
    if "breaking" in kinds:
        sections["contracts"] = touched
    if "behavioral" in kinds:
        sections["callers"] = [
            {"function": each.name, "at": f"code:{each.where}#{each.line}", "calls": " -> ".join(each.via)}
            for each in reached
        ]
    of_contracts = {contract["service"] for contract in touched}
    with open_named(case) as store:
        services = _services(store, files, [*services, *sorted(of_contracts)])
        if store is not None:
            sections["graph_differences"] = _differences(store, contracts, services)
            _add(sections, _seen(store, services, files, kinds), kinds)
    not_looked = [] if case else [kind for kind in kinds if kind != "breaking"]
    head = {
        "files": [str(file.where) for file in files],
        "services": services,
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in skipped],
        "could_not_look_at": [f"{kind}: needs a case with telemetry" for kind in not_looked],
        **{kind: found[:12] for kind, found in sections.items()},
    }
    return {"head": head, "sections": sections}


def _differences(store: CaseStore, contracts: Contracts, services: Sequence[str]) -> list[dict[str, Any]]:
    """Calls of the services that only their code, or only the traces know."""
    return [
        asdict(each)
        for each in graph_differences(contracts, service_graph(store))
        if not {each.caller, each.callee}.isdisjoint(services)
    ]


def _add(sections: dict[str, Any], seen: Mapping[str, Any], kinds: Sequence[str]) -> None:
    for kind in kinds:
        sections[kind] = [*sections.get(kind, ()), *seen.get(kind, ())]


def _breaking(names: References, files: Sequence[SourceFile]) -> list[dict[str, Any]]:
    """Lines elsewhere that use what the files define: functions, types, paths and names of topics."""
    defined: dict[str, str] = {}
    for file in files:
        for function in functions(file):
            if len(function.name) >= _SHORTEST and not function.name.startswith("_"):
                defined.setdefault(function.name, f"code:{file.where}#{function.first}")
        for number, line in enumerate(file.lines, start=1):
            named = _TYPE.match(line)
            for name in ([named[1]] if named else []) + _ENDPOINT.findall(line):
                defined.setdefault(name, f"code:{file.where}#{number}")
    used = names.used(defined, [file.where for file in files])
    called = {function.name for file in files for function in functions(file)}
    used = [use for use in used if use[2] not in called or _is_use(use[2], use[3])]
    return [
        {"uses": name, "defined_at": defined[name], "at": f"code:{where}#{number}", "line": text[:160]}
        for where, number, name, text in used
    ]


def _is_use(function: str, text: str) -> bool:
    """Whether a line calls or imports a function, and does not only hold the word."""
    return bool(_IMPORT.match(text) or re.search(rf"(?<![\w$]){re.escape(function)}\s*\(", text))


def _services(store: CaseStore | None, files: Sequence[SourceFile], named: Sequence[str]) -> list[str]:
    """The services that were named, and those of the case whose name is a part of a file's path."""
    if store is None:
        return list(named)
    known = store.query("SELECT DISTINCT toString(service) AS service FROM spans WHERE service != '' ORDER BY service")
    parts = {part.lower().replace("_", "-") for file in files for part in str(file.where).split("/")}
    return list(dict.fromkeys([*named, *(row["service"] for row in known if row["service"].lower() in parts)]))


def _seen(
    store: CaseStore, services: Sequence[str], files: Sequence[SourceFile], kinds: Sequence[str]
) -> dict[str, Any]:
    """What the telemetry says of the services."""
    found: dict[str, Any] = change_effects(store, [file.where.path for file in files])
    investigation = investigation_of(store.folder)
    if "performance" in kinds:
        subject = Subject(store, investigation)
        edges = [line.text for line in graph(subject).lines]
        near = [edge for edge in edges if set(re.split(r" -> |: ", edge, maxsplit=2)[:2]).intersection(services)]
        names = [function.name for file in files for function in functions(file)]
        runs = frequencies(spans_of_functions(store, names))
        found["performance"] = [{"call": edge} for edge in near] + runs + found["performance"]
    if "behavioral" in kinds:
        found["behavioral"] = [
            {"finding": f.summary, "service": f.service, "citations": [str(c) for c in f.citations[:3]]}
            for f in investigation.findings
            if f.service in services
        ] + found["behavioral"]
    return found
