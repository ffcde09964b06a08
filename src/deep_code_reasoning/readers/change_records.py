"""Commits, deploys and flag changes told from each other by their members, and made into rows of `changes`.

What the known tools export is told by its shape (`change_shapes`); all else by the names of its members: hand-written
exports, `git log` as JSON, commits of GitHub, GitLab and Bitbucket, what a team's own scripts write.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..domain.instant import format_instant
from ..domain.rollout import is_rehearsal
from .change_values import image_of, repository_of, sha_of
from .deploy_outcome import outcome_of
from .members import Members
from .shaped_changes import shaped

Row = dict[str, Any]

NEITHER: Final = "neither a commit, a deploy nor a flag change"

_WHERE: Final = tuple(
    """repo repository repositoryname reponame repository.fullname repositoryfullname repository.name repositoryurl
    project projectname source.repourl htmlurl commit.url url weburl""".split()
)
_PATH_IN_DIFF: Final = re.compile(r"^\+\+\+ (?:b/)?([^\t\n]+)|^diff --git a/\S+ b/(\S+)", re.MULTILINE)

_IS_DIFF: Final = re.compile(r"^(?:diff --git |@@ -\d|\+\+\+ )", re.MULTILINE)

_SHA_NAMES: Final = tuple("sha commitsha commithash hash oid commitid gitsha commit id revision".split())
_MESSAGE_NAMES: Final = tuple("commit.message message commitmessage subject messageheadline title summary".split())
_COMMIT_TIMES: Final = tuple(
    """commit.committer.date committer.date committerdate committeddate committedat commitdate timestamp time date
    ts at commit.author.date author.date authoreddate authordate createdat mergedat datecreated""".split()
)
_AUTHORS: Final = tuple(
    """author authorname commit.author.name author.name author.login author.username author.raw author.user.login
    authoremail commit.author.email author.email committer committername committer.name by""".split()
)
_DIFFS: Final = tuple("diff patch unifieddiff difftext diffs changes.diff".split())
_FILES: Final = tuple("fileschanged changedfiles files paths filepaths changes diffs filelist".split())

_SERVICES: Final = tuple(
    """service servicename app application appname applicationname component workload deployment deploymentname
    release releasename metadata.name target project name service.name application.name app.name""".split()
)
# What is called so is a service, where a target, a project or a name may be anything.
_SERVICES_ONLY: Final = tuple(
    "service servicename app application component metadata.name release workload service.name deployment".split()
)
_LIVE_SINCE: Final = tuple("deployedat deploytime deploymenttime rolledoutat releasedat finishedat completedat".split())
_GOES_LIVE: Final = re.compile(r"(?i)deploy|release|roll-?_?out|config|publish|promot")
_DEPLOYED_SHAS: Final = tuple(
    """commitsha gitsha sha commithash commit gitcommit commitid revision git.sha git.commit source.revision
    headsha commit.sha commit.id""".split()
)
_VERSIONS: Final = tuple(
    """version newversion toversion appversion imagetag tag releaseversion buildversion
    build buildnumber chart image newimage revision ref configrevision""".split()
)
_DEPLOY_TIMES: Final = tuple(
    """deployedat deploytime deploymenttime timestamp time ts date startedat starttime createdat rolledoutat
    releasedat publishedat updated updatedat finishedat completedat endtime occurredat at when buildtime""".split()
)
_ACTORS: Final = tuple(
    """author actor user deployer deployedby triggeredby createdby by initiator creator.login creator member.email
    member.name trigger.user username owner initiatedby.username""".split()
)

_FLAGS: Final = tuple(
    """flag flagkey flagname featureflag featureflagkey feature featurename toggle togglename flag.key flag.name
    feature.name experiment""".split()
)
_FLAG_TIMES: Final = tuple(
    """timestamp time ts date changedat updatedat createdat occurredat flippedat modifiedat switchedat toggledat
    changedon at when""".split()
)
_FLAG_CHANGES: Final = tuple("change titleverb action transition event type state status operation".split())
_SETTINGS: Final = tuple("target.name key name setting settingname parameter".split())
# What stood before and what stands after, each beside its like.
_OLD: Final = tuple(
    "from old oldvalue fromvalue previous previousvalue before oldstate previousstate previousvariant predata".split()
)
_TURNED: Final = tuple("to new newvalue tovalue current currentvalue after newstate currentstate variant data".split())
_NEW: Final = (*_TURNED, "value", "enabled", "on", "variation")
# Between versions it is a deploy that goes, between any other two values a switch.
_VERSION: Final = re.compile(r"v\d[\w.+-]*|\d+\.\d+\.\d[\w.+-]*|(?=[^a-f]*[a-f])[0-9a-f]{7,64}")

_SWITCH: Final = {"true": "on", "false": "off"}

_ENVIRONMENTS: Final = tuple(
    """environment environment.name env environmentname environmentkey targetenvironment deployenvironment
    deploymentenvironment""".split()
)
_PLACES: Final = ("environment.tier", "tier", "stage", "target", "namespace", "metadata.namespace", "cluster")

# Members by which spans, metrics, log records and alerts give themselves away.
_ALIEN: Final = tuple(
    "traceid spanid metric level severity severitytext firedat noticedat startsat loglevel parentspanid".split()
)


def kind_of(record: Any) -> tuple[str, float]:
    """What a record is, and how sure that is (0 to 1): `commit`, `deploy`, `flag`, or `part` of a deploy.

    It is '' when it is none; of something that is told by its shape (a run that deploys nothing) that is sure, too.
    """
    if not isinstance(record, dict):
        return "", 0.0
    known = shaped(record, {})
    if known is not None and (known.rows or not known.shape.shared):
        return (known.rows[0]["kind"], 0.97) if known.rows else ("", 0.9)
    return _kind_by_names(Members(record))


def _kind_by_names(members: Members) -> tuple[str, float]:
    if members.has(*_ALIEN):
        return "", 0.0
    tried = [("flag", _flag(members)), ("commit", _commit(members)), ("deploy", _deploy(members))]
    if _says_it_went_live(members):
        tried = [tried[0], *reversed(tried[1:])]
    for kind, certainty in tried:
        if certainty:
            return kind, certainty
    return "", 0.0


def rows_of(record: dict[str, Any], around: Mapping[str, Any]) -> tuple[list[Row], str]:
    """The rows of `changes` that a record makes, without their origin, and the reason why it makes none, or ''.

    Rows of a known shape may have cells of their own (see `shaped_changes.Shaped`).
    """
    known = shaped(record, around)
    if known is not None and (known.rows or not known.shape.shared):
        return list(known.rows), known.reason
    members = Members(record, around)
    kind, _ = _kind_by_names(Members(record))
    if not kind:
        return [], known.reason if known is not None else NEITHER
    make: Callable[[Members], Row] = {"commit": _commit_row, "deploy": _deploy_row, "flag": _flag_row}[kind]
    outcome = outcome_of(record, members) if kind == "deploy" else ""
    environment = environment_in(members) if kind != "commit" else ""
    row = make(members)
    told = {"outcome": outcome, "environment": environment}
    return [{**row, "attributes": {**row["attributes"], **{name: text for name, text in told.items() if text}}}], ""


def environment_in(members: Members) -> str:
    """The environment that a deploy or a flip of a flag was in, '' where nothing says so."""
    # What may be called for anything says so only by a word that is used of environments alone.
    called = (*filter(None, map(members.peek, _ENVIRONMENTS)), *filter(is_rehearsal, map(members.peek, _PLACES)))
    return next(iter(called), "")


def unique(row: Row, taken: Counter[tuple[str, str]]) -> Row:
    """A row with an id of its own: two deploys of one version are two, where a commit that is there twice is one."""
    if row["kind"] == "commit":
        return row
    key = (row["kind"], row["id"])
    taken[key] += 1
    return {**row, "id": f"{row['id']}~{taken[key]}"} if taken[key] > 1 else row


# --- commits ----------------------------------------------------------------------------------------------------


def _commit(members: Members) -> float:
    if not _sha_in(members, _SHA_NAMES) or not members.has(*_MESSAGE_NAMES):
        return 0.0
    if members.has("service", "version", "environment") and not members.has(*_DIFFS, *_FILES):
        return 0.0
    return 0.95 if members.has(*_AUTHORS, *_DIFFS, *_FILES) else 0.5


def _commit_row(members: Members) -> Row:
    sha = _sha_in(members, _SHA_NAMES)
    files, diff = _files_and_diff(members)
    message = members.text(*_MESSAGE_NAMES)
    body = members.text("body", "messagebody")
    return {
        "kind": "commit",
        "id": sha,
        "commit_sha": sha,
        "time_ns": members.time(*_COMMIT_TIMES),
        "repo": _repository(members),
        "author": members.text(*_AUTHORS),
        "message": f"{message}\n\n{body}" if body and body not in message else message,
        "files": files,
        "diff": diff,
        "attributes": members.rest(),
    }


def _files_and_diff(members: Members) -> tuple[list[str], str]:
    diff = next(filter(None, map(members.peek, _DIFFS)), "")
    members.text(*_DIFFS)
    files: list[str] = []
    patches: list[str] = []
    for name in _FILES:
        value = members.value(name)
        if isinstance(value, str):
            files += [path for path in re.split(r"[\n,]+\s*", value) if path.strip()]
        for item in value if isinstance(value, list) else ():
            path, patch = _file_and_patch(item)
            if path:
                files.append(path)
            if patch:
                patches.append(patch)
    for name in ("added", "modified", "removed", "deleted", "renamed"):
        files += members.texts(name)
    diff = diff or "\n".join(patches)
    files = files or paths_of(diff)
    return list(dict.fromkeys(path for path in files if path != "/dev/null")), diff


def paths_of(diff: str) -> list[str]:
    """The files that a diff touches, by its header lines."""
    paths = (match[1] or match[2] for match in _PATH_IN_DIFF.finditer(diff))
    return list(dict.fromkeys(path for path in paths if path != "/dev/null"))


def _file_and_patch(item: Any) -> tuple[str, str]:
    """A file's path and its patch, with the header lines that programming interfaces leave out."""
    if isinstance(item, str):
        return item, ""
    if not isinstance(item, dict):
        return "", ""
    members = Members(item)
    path = members.text("filename", "path", "newpath", "file", "name", "new.path", "oldpath", "old.path")
    patch = members.peek("patch") or members.peek("diff")
    if patch and not patch.startswith(("---", "diff ")):
        old = members.text("previousfilename", "oldpath", "old.path") or path
        patch = f"--- a/{old}\n+++ b/{path}\n{patch}"
    return path, patch


def _repository(members: Members) -> str:
    for name in _WHERE:
        text = members.text(name) if members.has(name) else ""
        if repository := repository_of(text):
            return repository
    around = Members(members.around)
    return around.text("repository.fullname", "repository.name", "repository", "repo", "project.pathwithnamespace")


def _says_it_went_live(members: Members) -> bool:
    """Whether a record that may as well be a commit, for it carries its hash and its diff, is told as its deploy."""
    told = members.text("type", "kind", "event", "action", "task")
    said = members.has(*_LIVE_SINCE) or _GOES_LIVE.search(told) is not None
    return said and members.has(*_SERVICES_ONLY, *(("target", "project", "name") if "deploy" in told.lower() else ()))


# --- deploys ----------------------------------------------------------------------------------------------------


def _deploy(members: Members) -> float:
    if not members.time(*_DEPLOY_TIMES):
        return 0.0
    said = members.begins("deploy") or "deploy" in members.text("type", "kind", "event", "action", "task").lower()
    what = members.has(*_VERSIONS, *_DEPLOYED_SHAS)
    if members.has(*_SERVICES_ONLY):
        return 0.95 if what or said else 0.0
    return 0.9 if said and what and members.has("sha", "environment", "name", "project", "target") else 0.0


def _deploy_row(members: Members) -> Row:
    service = members.text(*_SERVICES)
    sha = _sha_in(members, _DEPLOYED_SHAS)
    version = members.text(*_VERSIONS)
    if "/" in version or (":" in version and " " not in version):
        name, tag = image_of(version)
        service, version = service or name, tag or version
    sha = sha or sha_of(version)
    time_ns = members.time(*_DEPLOY_TIMES)
    old = members.text("fromversion", "oldversion", "previousversion", "oldimage")
    message = members.text("message", "description", "summary", "title", "reason", "change", "changelog")
    named = members.text("id", "deployid", "deploymentid", "uid", "executionid", "buildid", "eventid")
    diff = _diff_of_deploy(members)
    return {
        "kind": "deploy",
        "id": named or f"{service}@{version or format_instant(time_ns)}",
        "time_ns": time_ns,
        "repo": _repository(members),
        "service": service,
        "commit_sha": sha,
        "version": version,
        "author": members.text(*_ACTORS),
        "message": message or (f"{old}->{version}" if old and version else ""),
        "files": paths_of(diff),
        "diff": diff,
        "attributes": members.rest(),
    }


def _diff_of_deploy(members: Members) -> str:
    """What went out with a deploy, where it carries that along; a link to it, or a word about it, is no diff."""
    for name in _DIFFS:
        if _IS_DIFF.search(text := members.peek(name)):
            members.value(name)
            return text
    return ""


# --- flags ------------------------------------------------------------------------------------------------------


def _flag(members: Members) -> float:
    if not members.time(*_FLAG_TIMES):
        return 0.0
    kind = members.text("kind", "type", "resource").lower()
    named = members.has(*_FLAGS) or ("flag" in kind and members.has("name", "key", "target.name"))
    if not named and not kind.startswith("feature-"):
        return 0.6 if _is_switch(members) else 0.0
    return 0.95 if members.has(*_FLAG_CHANGES, *_OLD, *_NEW) else 0.6


def _is_switch(members: Members) -> bool:
    """Whether a record tells a thing's name and two values that it went between, neither of them a version."""
    sides = _sides(members)
    return members.has(*_SETTINGS) and all(side and not _VERSION.fullmatch(side) for side in sides)


def _sides(members: Members) -> tuple[str, str]:
    """What stood before and what stands now, '' where that is not told; of whole objects what differs between them."""
    old, new = members.text(*_OLD), members.text(*_NEW)
    if old or new:
        return _SWITCH.get(old, old), _SWITCH.get(new, new)
    for before, after in zip(_OLD, _TURNED, strict=True):
        was, now = members.under(before), members.under(after)
        other = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)] if was and now else []
        if other:
            told = (", ".join(f"{name}={side.get(name, '')}" for name in other) for side in (was, now))
            return next(told), next(told)
    return "", ""


def _flag_row(members: Members) -> Row:
    flag = members.text(*_FLAGS, *_SETTINGS)
    time_ns = members.time(*_FLAG_TIMES)
    old, new = _sides(members)
    change = members.text(*_FLAG_CHANGES)
    if old or (new and not change):
        change = f"{old}->{new}" if old else new
    return {
        "kind": "flag",
        "id": members.text("id", "changeid", "eventid", "uuid") or f"{flag}@{format_instant(time_ns)}",
        "time_ns": time_ns,
        "service": members.text("service", "servicename", "app", "application", "project", "component"),
        "author": members.text(*_ACTORS),
        "message": change or members.text("description", "title", "comment"),
        "attributes": {"flag": flag, **members.rest()},
    }


def _sha_in(members: Members, names: tuple[str, ...]) -> str:
    """The first of these members that is a commit's hash."""
    for name in names:
        if sha := sha_of(members.peek(name)):
            members.value(name)
            return sha
    return ""
