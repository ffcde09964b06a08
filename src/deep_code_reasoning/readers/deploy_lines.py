"""What a line of text says of a deploy: of what, which version and commit, who did it, how far it is.

The words are those in which pipelines, their commands and their robots in chat channels write: pairs (`service=cart`,
`image.tag=1.2.3`), commands (`helm upgrade --install cart`, `kubectl set image deployment/cart`), and sentences
(`Deploying cart v1.2.3 to production`, `cart 1.2.3 is live`, `rolled back cart to 1.2.2`). What a line says is data:
nothing in it is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Of longer lines the beginning is looked at: what announces a deploy is short, what a build prints may be endless.
_LOOKED_AT: Final = 600
# Emphasis, code marks and links of chats, arrows and emoji's names say nothing of their own.
_MARKS: Final = re.compile(r"[*`\"'“”<>]+|:[a-z_+-]{2,40}:(?=\s|$)")

# Words that are of deploys alone, and words that are of much else too (a lock is released, a record synced): these
# count only beside a version or a commit that is called one.
_STRONG: Final = (
    r"(?:re-?)?deploy(?:ed|ing|s|ments?)?|roll(?:ed|ing|s)?[ -]?out|rollouts?|roll(?:ed|ing|s)?[ -]?back|rollbacks?|"
    r"cut(?:ting|s)?[ -]?over|release \S{1,64} has been upgraded|"
    r"helm upgrade|helm rollback|kubectl set image|service update|app sync"
)
_WEAK: Final = (
    r"releas(?:e|ed|es|ing)|promot(?:e|ed|es|ing)|ship(?:ped|ping|s)?|upgrad(?:e|ed|es|ing)|"
    r"sync(?:ed|ing|s)?|synchroni[sz](?:ed|ing)|publish(?:ed|ing)?|revert(?:ed|ing|s)?|is (?:now )?live|went live"
)
_STRONG_WORD: Final = re.compile(rf"(?<![\w.])(?:{_STRONG})(?![a-z]|-\w)", re.IGNORECASE)
_WEAK_WORD: Final = re.compile(rf"(?<![\w.-])(?:{_WEAK})(?![\w-])", re.IGNORECASE)

_NAME: Final = r"(?<!\w)[A-Za-z][\w]*(?:[-./][A-Za-z0-9_]+){0,8}"
_VERSION: Final = (
    r"(?:v\d+(?:\.\d+){0,3}|\d+\.\d+\.\d+)(?:[-+.]?(?:[A-Za-z][\w]*|(?<=[-+])\d[\w]*)){0,6}(?![\w]|\.\d)|"
    r"(?:release|build|rel)-\d[\w.-]{0,40}"
)
_SHA: Final = r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,40}(?![\w-])"

# `key=value`, `key: value`, `--key value`, by the plain key (its last part, without separators).
_PAIR: Final = re.compile(
    r"(?<![\w])([A-Za-z][\w.-]{0,60}?)(?:=|: ?(?![\w.-]*=))(?:sha256:)?([\w./:@+-]{1,200})|"
    r"--([a-z][\w-]{1,40})[ ]([\w./:@+-]{1,200})"
)
_KEYS: Final = {
    "service": "service svc app application component workload servicename appname applicationname microservice",
    "version": "version tag imagetag appversion newversion toversion releaseversion ver buildversion",
    "image": "image newimage containerimage",
    "commit": "commit sha gitsha commitsha gitcommit rev revision commitid githash headsha",
    "repo": "repo repository gitrepo project",
    "author": "author user actor deployer deployedby triggeredby startedby by initiator requestedby",
    "job": "job build buildnumber buildid run runid pipeline pipelineid deployid deploymentid jobid executionid",
    "outcome": "status state result outcome conclusion finished phase",
    "environment": "env environment stage cluster",
}  # fmt: skip
_FACT_OF: Final = {key: fact for fact, keys in _KEYS.items() for key in keys.split()}

_OBJECT: Final = re.compile(
    rf"(?:deployments?|deploy|statefulsets?|sts|daemonsets?|ds|services?|app|rollouts?)(?:\.[a-z.]+)?/({_NAME})"
)
_QUOTED: Final = re.compile(rf"(?:deployment|release|application|app|service|component|stack) ({_NAME})", re.IGNORECASE)
_HELM: Final = re.compile(rf"helm (?:upgrade|rollback|install)(?: -[a-z]| --[\w-]+(?:=\S+)?)* ({_NAME})")
_PINNED: Final = re.compile(rf"({_NAME})(?:@|==|:)({_VERSION}|(?:[A-Za-z]+-)?{_SHA})")
_VERSIONED: Final = re.compile(
    rf"({_NAME})(?: (?:to|version|from|at|now at|is at|is now at|->|=>|→|tag|build))?"
    rf"[ (/@:_|-]+(?:{_NAME} )?\(?({_VERSION})"
)
_FROM_TO: Final = re.compile(rf"(?:{_VERSION}) ?(?:->|=>|→|-->|to) ?({_VERSION})")
_OF_WHAT: Final = re.compile(
    rf"(?:{_STRONG}|{_WEAK})(?: (?:of|the|for|service|app|release|version|pipeline|job|{_VERSION}))*:? ({_NAME})",
    re.IGNORECASE,
)
_WHAT_BEFORE: Final = re.compile(
    rf"({_NAME})[\])]?(?: (?:has been|have been|was|is|is being|successfully|service|now))*:? (?:{_STRONG}|{_WEAK})",
    re.IGNORECASE,
)
_A_VERSION: Final = re.compile(rf"(?<![\w./-])({_VERSION})")
_A_SHA: Final = re.compile(rf"(?<![\w./-])({_SHA})")
_LABELLED_SHA: Final = re.compile(r"\b(?:commit|sha|rev|revision) ?([0-9a-f]{7,40})\b")
_OF_HOST: Final = re.compile(r"https?://[^/\s]+/([\w.-]+/[\w.-]+)/(?:-/)?commits?/([0-9a-f]{7,40})\b")
_JOB: Final = re.compile(rf"(?:({_NAME})[ ]?)?#(\d{{1,12}})(?!\w)")
_BY: Final = re.compile(
    r"\bby (?:the |user )?@?([A-Z][\w.'-]*(?: (?:[a-z]{1,3} ){0,2}[A-Z][\w.'-]*){0,3}|[\w.+-]+(?:@[\w.-]+)?)"
)

# Words that stand where a name may and are none.
_NO_NAME: Final = frozenset(
    """a an the of to from for in on at by and or with via as is was are be been being has have had it its this that
    all new old now not no prod production staging stage live canary env environment version build release releases
    released releasing tag image commit sha rev revision deploy deploys deployed deploying deployment deployments
    rollout rollback rolled rolling back out promoted promoting shipped upgrade upgraded upgrading sync synced started
    starting start begins began beginning finished finishing complete completed succeeded success successful
    successfully failed failure failing done job pipeline run running triggered queued service app application
    component namespace cluster region user config chart charts helm kubectl docker argocd set update install code
    changes change traffic percent hotfix fix latest main master head v step task stage status pods pod replicas
    created waiting ready healthy info warn error debug notice due because after before during until please we i you
    they he she ok team bot someone everyone today tomorrow yesterday here there what who when why how if so just
    going go cut over completed. schedule scheduled web archive directory descriptor""".split()
)
# What a job is called beside the service that it deploys: `deploy-prod`, `cart-release-pipeline`.
_OF_JOBS: Final = frozenset(
    "deploy deploys deployment release releases rollout prod production staging pipeline job jenkins ci cd build "
    "workflow run main master upgrade publish ship promote".split()
)

_OF_DEPLOYS: Final = re.compile(r"deploy|release|rollout|promote", re.IGNORECASE)

# Where it goes: `deploy-staging`, `to production`, `qa deploy`.
_ENVIRONMENT: Final = (
    r"(staging|stage|stg|preview|dev|development|qa|uat|test|testing|sandbox|pre-?prod|integration|acceptance|"
    r"prod|production|prd)"
)
_WHERE: Final = re.compile(
    rf"(?:\b(?:to|in|on|for|into)[ :]+(?:the |our )?|\b(?:deploy|release|rollout|promote)[-_ /:]+(?:to[-_ ])?)"
    rf"{_ENVIRONMENT}\b|\b{_ENVIRONMENT}[-_ ](?:deploy|release|rollout)",
    re.IGNORECASE,
)

_BACK: Final = re.compile(r"roll(?:ed|ing|s)?[ -]?back|rollback|revert|rollout undo|helm rollback", re.IGNORECASE)
_BAD: Final = (
    r"fail(?:ed|ure|s)?|abort(?:ed)?|cancell?ed|error(?:ed)?|unsuccessful|timed[ -]?out|unstable|rejected|skipped"
)
_FAILED: Final = re.compile(
    rf"(?:\bfailed to (?:{_STRONG}|{_WEAK}))|\b(?:{_BAD})[!.]*\s*$|"
    rf"\b(?:{_STRONG}|{_WEAK}|job|build|pipeline)\b.{{0,80}}?\b(?:{_BAD})"
    r"(?=[:;,.!)]|\s(?:after|at|with|because|due|on|in|by)\b)",
    re.IGNORECASE,
)
_IS_BAD: Final = re.compile(rf"(?:{_BAD})", re.IGNORECASE)
_ENDED: Final = re.compile(
    r"\b(?:finish(?:ed)?|success(?:ful|fully)?|succeeded|complete[ds]?|done|(?:re)?deployed|rolled out|rolled back|"
    r"released|promoted|shipped|upgraded|synced|reverted|live|healthy|passed|in sync)\b",
    re.IGNORECASE,
)
_BEGUN: Final = re.compile(
    r"\b(?:start(?:ed|ing)?|begin(?:s|ning)?|began|triggered|queued|(?:re)?deploying|rolling|promoting|shipping|releasing|"
    r"upgrading|reverting)\b",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeployLine:
    """What one line says of a deploy; '' where it does not say.

    Attributes:
        said: by its words it speaks of a deploy.
        back: it goes back to what ran before.
        phase: `begun`, `ended`, `failed` or ''.
        job: the number of the run it is part of, behind the job's name where that is told (`deploy-prod #3660`).
    """

    said: bool
    back: bool = False
    phase: str = ""
    job: str = ""
    service: str = ""
    version: str = ""
    commit: str = ""
    repo: str = ""
    author: str = ""
    environment: str = ""


def deploy_line(text: str, meant: bool = False) -> DeployLine:
    """What a line, without its time, says of a deploy.

    Args:
        text: the line.
        meant: it stands where deploys are listed, so that a name with a version is one without a verb, and one word
            that speaks of deploys the name of a job.
    """
    text = _MARKS.sub(" ", text[:_LOOKED_AT])
    text = re.sub(r"\s+", " ", text).strip()
    pairs = _pairs(text)
    name, version = _sentence(text)
    image, _, tag = pairs.get("image", "").rpartition(":")
    told = pairs.get("version") or tag
    version = told or version
    service = pairs.get("service") or image.rsplit("/", 1)[-1]
    job = _job(text, pairs)
    hosted = _OF_HOST.search(text)
    commit = pairs.get("commit") or (hosted[2] if hosted else _commit(text))
    is_job = meant and _OF_DEPLOYS.search(text) is not None and re.fullmatch(r"[\w-]+", text) is not None
    labelled = bool(version or "commit" in pairs)
    said = bool(
        is_job
        or _STRONG_WORD.search(text)
        or _OF_DEPLOYS.search(job)
        or (
            labelled
            and (
                _WEAK_WORD.search(text)
                or (name and (_FROM_TO.search(text) or (meant and text.lstrip("|- ").startswith(name))))
            )
        )
    )
    by, where = _BY.search(text), _WHERE.search(text)
    return DeployLine(
        said=said,
        back=said and _BACK.search(text) is not None,
        phase=_phase(text, pairs) if said or job else "",
        job=job,
        service=service or (_service_of_job(text) if is_job else name or _service_of_job(job) if said else ""),
        version=version if said else told,
        commit=commit if said or "commit" in pairs else "",
        repo=pairs.get("repo") or (hosted[1] if hosted else ""),
        author=pairs.get("author") or (by[1] if by is not None and (said or job) else ""),
        environment=pairs.get("environment", "")
        or (where[1] or where[2] if where is not None and (said or job) else ""),
    )


def may_tell(text: str) -> bool:
    """Whether a line has a word of deploys at all: a cheap look at what most files have none of."""
    text = text[:_LOOKED_AT]
    return bool(_STRONG_WORD.search(text) or _WEAK_WORD.search(text) or _OF_DEPLOYS.search(text))


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _PAIR.finditer(text):
        key, value = (match[1], match[2]) if match[1] else (match[3], match[4])
        plain = re.sub(r"[-_.]", "", key).lower()
        fact = _FACT_OF.get(plain) or _FACT_OF.get(re.split(r"[-_.]", key.lower())[-1])
        value = value.strip(".,:;")
        if fact and value:
            found.setdefault(fact, value)
    if "service" in found and (found["service"].lower() in _NO_NAME or not re.fullmatch(_NAME, found["service"])):
        del found["service"]
    if "commit" in found and not re.fullmatch(r"[0-9a-f]{7,64}", found["commit"].lower()):
        del found["commit"]
    elif "commit" in found:
        found["commit"] = found["commit"].lower()
    if "version" in found and not re.search(r"\d|^[a-z]", found["version"]):
        del found["version"]
    return found


def _commit(text: str) -> str:
    match = _LABELLED_SHA.search(text) or _A_SHA.search(text)
    return match[1] if match is not None else ""


def _sentence(text: str) -> tuple[str, str]:
    """The name and the version that a sentence or a command tells."""
    turned = _FROM_TO.search(text)
    version = turned[1] if turned else ""
    any_version = _A_VERSION.search(text)
    version = version or (any_version[1] if any_version else "")
    for pattern in (_OBJECT, _HELM, _PINNED, _QUOTED, _VERSIONED, _OF_WHAT, _WHAT_BEFORE):
        for match in pattern.finditer(text):
            name = match[1].rsplit("/", 1)[-1]
            if name.lower() not in _NO_NAME and not re.fullmatch(_VERSION, name):
                return name, match[2] if pattern is _PINNED else version
    return "", version


def _job(text: str, pairs: dict[str, str]) -> str:
    match = _JOB.search(text)
    if match is not None:
        return f"{match[1]} #{match[2]}" if match[1] and match[1].lower() not in _NO_NAME else f"#{match[2]}"
    number = pairs.get("job", "")
    return f"#{number}" if re.fullmatch(r"[\w-]*\d[\w-]*", number) else ""


def _service_of_job(job: str) -> str:
    words = [word for word in re.split(r"[-_/.]", job.partition(" #")[0]) if word]
    left = [word for word in words if word.lower() not in _OF_JOBS]
    return "-".join(left) if left and len(left) < len(words) else ""


def _phase(text: str, pairs: dict[str, str]) -> str:
    outcome = pairs.get("outcome", "")
    if not _BACK.search(text) and (_IS_BAD.fullmatch(outcome) or (not outcome and _FAILED.search(text))):
        return "failed"
    begun, ended = _BEGUN.search(text), _ENDED.search(text)
    if ended is not None and (begun is None or begun.start() > ended.start()):
        return "ended"
    return "begun" if begun is not None else ""
