"""Alerts, status pages' events and log patterns told from each other by their members, made into rows of `notices`.

Shapes seen in: hand-written `incident.json` and `alert.json`, Alertmanager (webhook and API), Prometheus (`/alerts`),
PagerDuty (Events API v2, webhooks v2 and v3, REST incidents), Opsgenie, Grafana, Datadog, CloudWatch alarms;
statuspage.io, AWS Health, Google Cloud's incidents, hand-written status feeds; log patterns with counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from ..domain.instant import format_instant
from .members import Members
from .values import text_of

Row = dict[str, Any]

_ALERT_TIMES: Final = tuple(
    """firedat noticedat triggeredat detectedat alertedat reportedat startsat activeat statechangetime datehappened
    occurredat createdat createdon startedat starttime opentime openedat timestamp time date ts""".split()
)
_ALERT_ENDS: Final = tuple("endsat resolvedat closedat endedat endtime recoveredat".split())
_TITLES: Final = tuple(
    """title summary shortdescription annotations.summary annotations.title alerttitle eventtitle headline
    labels.alertname alertname alarmname alert monitorname monitor rulename name message subject description
    annotations.description
    annotations.message metric""".split()
)
_TEXTS: Final = tuple(
    """detail details description annotations.description annotations.message newstatereason alarmdescription body text
    body.details message impact note symptoms""".split()
)
_SUBJECTS: Final = tuple(
    """service servicename service.name service.summary labels.service labels.servicename labels.app
    labels.application labels.deployment labels.job affectedservice component entity application app
    customdetails.service tags.service labels.namespace source host labels.instance""".split()
)
_STATUSES: Final = tuple(
    """severity labels.severity urgency priority priority.summary alerttype newstatevalue status status.state state
    level""".split()
)
_IDS: Final = tuple("id alertid incidentid fingerprint dedupkey incidentkey eventid number monitorid".split())
# By these alone a record is an alert; by the others only together with more.
_SURE_TIMES: Final = tuple("firedat noticedat triggeredat alertedat statechangetime datehappened".split())
_ALERT_NAMES: Final = tuple(
    """alertname labels.alertname monitor monitorname alertid alert rulename threshold alerttype incidentkey
    urgency alarmname incidentid dedupkey eventaction routingkey""".split()
)
_BADNESS: Final = tuple(
    "severity urgency priority impact symptoms incidentid alertid service servicename affectedservice".split()
)

_STATUS_TIMES: Final = tuple(
    """startedat begin starttime begantimestamp started createdat created timestamp time date pubdate published
    updatedat lastupdatedtime modified""".split()
)
_STATUS_ENDS: Final = tuple("resolvedat end endtime endedat resolved completedat scheduleduntil".split())
_STATUS_TITLES: Final = tuple("title name summary headline eventtypecode statusimpact".split())
_STATUS_TEXTS: Final = tuple(
    """detail details externaldesc description body message text note eventdescription.latestdescription
    shortlink""".split()
)
_STATUS_SUBJECTS: Final = tuple("service servicename component provider product".split())
_STATUS_WORDS: Final = frozenset(
    """operational operatingnormally normal degraded degradedperformance partialoutage majoroutage outage
    disruption servicedisruption serviceoutage serviceinformation investigating identified monitoring resolved
    postmortem maintenance undermaintenance scheduled inprogress verifying completed available unavailable up
    down healthy unhealthy recovered open closed upcoming informational information impaired fullyoperational""".split()
)
_UPDATES: Final = tuple("incidentupdates updates".split())

_PATTERNS: Final = tuple("signature pattern template logpattern messagetemplate cluster sample".split())
_COUNTS: Final = tuple("count occurrences total hits volume deltavsbaseline delta baselinecount events".split())


def kind_of(record: Any, around: Mapping[str, Any]) -> tuple[str, float]:
    """What a record is, `alert`, `status` or `pattern`, and how sure that is (0 to 1); '' when it is none."""
    if not isinstance(record, dict):
        return "", 0.0
    members = Members(unwrap(record), around)
    # Changes, spans and log records have members of their own.
    if members.has("sha", "commitsha", "version", "flag", "spanid", "parentspanid", "diff", "logger", "loggername"):
        return "", 0.0
    for kind, certainty in (("pattern", _pattern(members)), ("alert", _alert(members)), ("status", _status(members))):
        if certainty:
            return kind, certainty
    return "", 0.0


def row_of(record: dict[str, Any], around: Mapping[str, Any]) -> Row | None:
    """The row of `notices` that a record makes, without its origin; None when it is none.

    Args:
        record: the decoded record.
        around: members of the document around it.
    """
    kind, _ = kind_of(record, around)
    members = Members(unwrap(record), around)
    if kind == "alert":
        row = _alert_row(members)
    elif kind == "status":
        row = _status_row(members)
    elif kind == "pattern":
        row = _pattern_row(members)
    else:
        return None
    return {"kind": kind, **row, "id": row["id"] or _made_id(row)}


def _made_id(row: Row) -> str:
    """SUBJECT@TIME; a digest of what is said stands in for what of it is missing."""
    told = f"{row['subject']}\n{row['title']}\n{row['text']}"
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    subject = row["subject"].replace(" ", "-") if len(row["subject"]) <= 40 else ""
    return f"{subject or digest}@{format_instant(row['time_ns']) if row['time_ns'] else digest}"


def unwrap(record: dict[str, Any]) -> dict[str, Any]:
    """The alert in the envelope of a webhook: PagerDuty's and Opsgenie's."""
    outer, inner = record, record
    event = record.get("event")
    if isinstance(event, dict) and isinstance(event.get("data"), dict):
        outer, inner = event, event["data"]
    else:
        for name in ("incident", "payload", "alert"):
            value = record.get(name)
            if isinstance(value, dict) and any(key in value for key in ("title", "summary", "message", "description")):
                inner = value
                break
    if inner is record:
        return record
    skipped = {"data", "event", "payload", "incident", "alert", "id"}
    return {**{name: value for name, value in outer.items() if name not in skipped}, **inner}


# --- alerts -----------------------------------------------------------------------------------------------------


def _alert(members: Members) -> float:
    if not members.has(*_TITLES):
        return 0.0
    if members.begins("labels.") and members.begins("annotations.") and members.has("startsat", "activeat", "state"):
        return 0.97
    if members.time(*_SURE_TIMES):
        return 0.96
    timed = bool(members.time(*_ALERT_TIMES))
    named = members.has(*_ALERT_NAMES)
    if named and (timed or members.has("evalmatches", "state", "metric")):
        return 0.92
    # An incident as people write it: a title, when it began, and how bad it is.
    began = members.time("detectedat", "reportedat", "startsat", "startedat", "createdat", "openedat", "starttime")
    if began and members.has("severity", "urgency", "priority", "impact") and not members.has(*_UPDATES):
        return 0.9 if not _status_word(members) else 0.0
    # The same without a time: its title, and how bad it is or whom it meets, are worth having.
    if not timed and members.has("title", "summary", "headline", "shortdescription") and members.has(*_BADNESS):
        return 0.6
    return 0.0


def _alert_row(members: Members) -> Row:
    time_ns = members.time(*_ALERT_TIMES)
    title = members.text(*_TITLES)
    text = members.text(*_TEXTS)
    if not time_ns and members.around:
        time_ns = Members(members.around).time(*_ALERT_TIMES)
    return {
        "id": members.text(*_IDS),
        "time_ns": time_ns,
        "end_ns": _end(members, _ALERT_ENDS, time_ns),
        "subject": members.text(*_SUBJECTS) or Members(members.around).text(*_SUBJECTS),
        "status": members.text(*_STATUSES),
        "title": title,
        "text": text or title,
        "attributes": members.rest(),
    }


def _end(members: Members, names: tuple[str, ...], start_ns: int) -> int:
    """When it ended; what has not ended yet is written as the year 1, as null, or not at all."""
    end_ns = members.time(*names)
    return end_ns if end_ns > max(start_ns, 0) else 0


# --- status pages -----------------------------------------------------------------------------------------------


def _status(members: Members) -> float:
    timed = bool(members.time(*_STATUS_TIMES))
    if not timed:
        return 0.0
    if members.has("eventtypecode", "externaldesc", "statusimpact") or (
        members.has(*_UPDATES) and members.has("status", "impact")
    ):
        return 0.96
    if not _status_word(members):
        return 0.0
    around = Members(members.around)
    told = members.has(*_STATUS_TITLES, *_STATUS_TEXTS)
    if told and around.has("source", "page.name", "page.id", "component", "provider", "fetchedat"):
        return 0.95
    return (
        0.9 if told and members.has("resolvedat", "region", "impact", "component", "provider") else 0.4 if told else 0.0
    )


def _status_word(members: Members) -> str:
    status = members.text("status", "statuscode", "state", "currentstatus")
    return status if "".join(filter(str.isalpha, status.lower())) in _STATUS_WORDS else ""


def _status_row(members: Members) -> Row:
    around = Members(members.around)
    time_ns = members.time(*_STATUS_TIMES)
    updates = members.value(*_UPDATES)
    texts = [members.text(*_STATUS_TEXTS), *_update_texts(updates)]
    title = members.text(*_STATUS_TITLES)
    components = members.value("components", "affectedproducts", "affectedcomponents")
    subject = members.text(*_STATUS_SUBJECTS) or _names_in(components)
    if not subject and not members.has("impact", "resolvedat", "detail", "title", *_UPDATES):
        # A component of a status page has a name and a state, and nothing more to say.
        subject = title
    feed = {f"feed.{name}": text for name, text in around.rest().items()}
    return {
        "id": members.text(*_IDS, "arn"),
        "time_ns": time_ns,
        "end_ns": _end(members, _STATUS_ENDS, time_ns),
        "subject": subject or around.text("component", "service", "provider", "page.name", "source") or title,
        "status": members.text("status", "statuscode", "state", "currentstatus", "impact", "severity", "statusimpact"),
        "title": title or next(filter(None, texts), ""),
        "text": "\n".join(filter(None, texts)) or title,
        "attributes": {**feed, **members.rest()},
    }


def _update_texts(updates: Any) -> list[str]:
    """What an incident's updates say, the oldest first."""
    if not isinstance(updates, list):
        return []
    told = []
    for update in updates:
        members = Members(update) if isinstance(update, dict) else None
        text = members.text("body", "text", "description", "message") if members else ""
        if members and text:
            told.append((members.time("createdat", "created", "when", "displayat", "modified", "updatedat"), text))
    return [text for _, text in sorted(told, key=lambda pair: pair[0])]


def _names_in(components: Any) -> str:
    if not isinstance(components, list):
        return ""
    names = [Members(item).text("name", "title") if isinstance(item, dict) else text_of(item) for item in components]
    return ", ".join(filter(None, names))


# --- patterns ---------------------------------------------------------------------------------------------------


def _pattern(members: Members) -> float:
    if members.has(*_PATTERNS) and members.has(*_COUNTS):
        return 0.94 if members.has("deltavsbaseline", "delta", "sentiment", "baselinecount", "firstseen") else 0.9
    return 0.0


def _pattern_row(members: Members) -> Row:
    title = members.text(*_PATTERNS)
    count = members.text("count", "occurrences", "total", "hits", "volume", "events")
    delta = members.text("deltavsbaseline", "delta")
    told = [f"{count} times" if count else "", f"{delta} against the baseline" if delta else ""]
    kept = {name: text for name, text in (("count", count), ("delta_vs_baseline", delta)) if text}
    time_ns = members.time("firstseen", "firstseenat", "starttime", "startedat", "timestamp")
    return {
        "id": members.text("id", "patternid", "hash", "clusterid"),
        "time_ns": time_ns,
        "end_ns": _end(members, ("lastseen", "lastseenat", "endtime"), time_ns),
        "subject": members.text("service", "servicename", "app", "application", "source", "component"),
        "status": members.text("sentiment", "severity", "level", "trend", "status"),
        "title": title,
        "text": ", ".join(filter(None, told)),
        "attributes": {**kept, **members.rest()},
    }
