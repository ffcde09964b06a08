"""What tools export of deploys and switches: one row a shape, with the members that say what a change is.

A new tool is a row of `SHAPES`. What a document without a shape says is told by the names of its members alone
(`change_records`). Paths are those of `found.py`; their names are the published ones of each tool's interface.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# A job or an event of many kinds is a deploy where it is called so.
DEPLOYS: Final = r"deploy|roll-?\s?(?:ed\s|ing\s)?(?:out|back)|release|promot|publish|helm|\bship|go-?live|canary"


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of record.

    Attributes:
        tool: what it is, as it is called in reasons.
        signs: what must be there, apart by spaces: `path`, `path|other`, `path=pattern` (the whole text), `!path`.
        columns: paths by the columns of `changes` (`id time service commit version author message repo files`), and
            by `image` (name and tag), `state`, `environment`, `namespace` (an environment where it is called so),
            `url`, `flag`; `reached` is there only when it had begun to go live, `key` names the record that it is a
            part of.
        kind: `deploy`, `flag`, `commit`, or `part`: what is told of a deploy elsewhere, with the same `key`.
        each: a list in it, of which each element is a change; its members stand before those around it.
        only: paths of texts that must match `words`, else it is no change.
        said: paths of texts that tell what was deployed as people and robots say it.
        merges: several records with one id are one change, and the latest state counts.
        shared: others of its kind are no changes at all but alerts, logs or notes.
    """

    tool: str
    signs: str
    columns: dict[str, str] = field(hash=False)
    kind: str = "deploy"
    each: str = ""
    only: str = ""
    words: str = DEPLOYS
    said: str = ""
    merges: bool = False
    shared: bool = False


_KUBERNETES: Final = {
    "time": "status.conditions.progressing.lastupdatetime metadata.creationtimestamp",
    "message": "metadata.annotations.kubernetes.iochangecause metadata.name",
    "namespace": "metadata.namespace",
    "state": "status.conditions.progressing.reason",
    "reached": "status.updatedreplicas~([1-9]\\d*)",
}
_IMAGE: Final = "spec.template.spec.containers.image data.spec.template.spec.containers.image"

SHAPES: Final = (
    # --- GitHub: REST, GraphQL, `gh run list --json`, webhooks
    Shape("GitHub deployment", "sha createdat task|statusesurl", {
        "id": "id", "key": "id", "time": "createdat", "commit": "sha", "version": "payload.version ref",
        "service": "payload.service payload.servicename payload.app payload.application payload.component",
        "author": "creator.login", "message": "description", "repo": "repositoryurl repository.fullname url",
        "environment": "environment", "state": "state",
    }),
    Shape("GitHub deployment", "commitoid environment createdat", {
        "id": "databaseid id", "time": "createdat", "commit": "commitoid", "version": "ref.name", "author":
        "creator.login", "message": "description", "repo": "repository.namewithowner", "environment": "environment",
        "state": "lateststatus.state state",
    }),
    Shape("GitHub deployment status", "state createdat deploymenturl", {
        "key": "deploymenturl~/deployments/(\\d+)", "time": "createdat", "state": "state", "message": "description",
        "url": "logurl targeturl",
    }, kind="part"),
    Shape("GitHub deployment status", "statuses.state sha|commitoid environment", {
        "key": "^id", "time": "createdat", "state": "state", "url": "logurl targeturl",
    }, kind="part", each="statuses"),
    Shape("GitHub deployment event", "deployment.sha deploymentstatus.state", {
        "id": "deployment.id", "time": "deploymentstatus.createdat deployment.createdat", "commit": "deployment.sha",
        "version": "deployment.ref", "author": "deployment.creator.login", "repo": "repository.fullname",
        "environment": "deployment.environment", "state": "deploymentstatus.state", "url": "deploymentstatus.logurl",
    }, merges=True),
    Shape("GitHub workflow run", "headsha runnumber|workflowname|workflowdatabaseid status !runid", {
        "id": "id databaseid", "time": "runstartedat startedat createdat", "commit": "headsha", "url": "htmlurl url",
        "author": "triggeringactor.login actor.login", "message": "displaytitle headcommit.message name",
        "repo": "repository.fullname htmlurl url", "state": "conclusion status",
    }, only="name workflowname path displaytitle", said="name workflowname"),
    Shape("GitHub workflow job", "headsha runid status name", {
        "id": "id", "time": "startedat createdat", "commit": "headsha", "message": "workflowname@name", "url":
        "htmlurl", "repo": "url htmlurl", "state": "conclusion status",
    }, only="name workflowname", said="name workflowname"),
    # --- GitLab: REST, webhooks
    Shape("GitLab deployment", "iid sha environment.name status createdat", {
        "id": "id", "time": "deployable.startedat createdat", "commit": "sha", "version": "ref",
        "author": "user.username deployable.user.username", "message": "deployable.commit.title",
        "repo": "environment.project.pathwithnamespace deployable.pipeline.weburl deployable.weburl",
        "environment": "environment.name", "namespace": "environment.tier", "state": "status",
        "url": "deployable.weburl",
    }),
    Shape("GitLab deployment event", "objectkind=deployment status deploymentid", {
        "id": "deploymentid", "time": "statuschangedat", "commit": "commiturl~/commit/([0-9a-f]{7,40}) shortsha",
        "version": "ref", "author": "user.username", "message": "committitle", "repo": "project.pathwithnamespace",
        "environment": "environment", "state": "status", "url": "deployableurl",
    }, merges=True),
    Shape("GitLab job", "stage name status pipeline.id commit.id", {
        "id": "id", "time": "startedat createdat", "commit": "commit.id pipeline.sha", "author": "user.username",
        "message": "commit.title", "repo": "weburl pipeline.weburl", "environment": "environment.name", "state":
        "status", "url": "weburl",
    }, only="name stage environment.name", said="name"),
    Shape("GitLab pipeline", "sha ref status source weburl createdat", {
        "id": "id", "time": "startedat createdat", "commit": "sha", "author": "user.username", "message": "name",
        "repo": "weburl", "state": "status", "url": "weburl",
    }, only="name", said="name"),
    # --- other pipelines
    Shape("Jenkins build", "number timestamp result|building actions|url|displayname", {
        "id": "fulldisplayname url id", "time": "timestamp", "commit": "actions.lastbuiltrevision.sha1",
        "service": "actions.parameters.service actions.parameters.app actions.parameters.application "
        "actions.parameters.component actions.parameters.servicename actions.parameters.appname",
        "version": "actions.parameters.version actions.parameters.tag actions.parameters.imagetag",
        "environment": "actions.parameters.environment actions.parameters.env actions.parameters.deployenv",
        "author": "actions.causes.username actions.causes.userid", "message": "description fulldisplayname",
        "repo": "actions.remoteurls", "state": "result", "url": "url",
    }, only="fulldisplayname url displayname", said="fulldisplayname url~/job/([^/]+)/\\d+"),
    Shape("Jenkins commit", "number timestamp changesets.items.commitid", {
        "id": "commitid", "commit": "commitid", "time": "timestamp date", "author": "author.fullname",
        "message": "comment msg", "files": "affectedpaths paths.file", "repo": "actions.remoteurls",
    }, kind="commit", each="changesets.items"),
    Shape("Jenkins commit", "number timestamp changeset.items.commitid", {
        "id": "commitid", "commit": "commitid", "time": "timestamp date", "author": "author.fullname",
        "message": "comment msg", "files": "affectedpaths paths.file", "repo": "actions.remoteurls",
    }, kind="commit", each="changeset.items"),
    Shape("CircleCI workflow", "pipelineid projectslug name status createdat", {
        "id": "id", "key": "pipelineid", "time": "createdat", "repo": "projectslug~^[^/]+/(.+)", "author": "startedby",
        "message": "name", "state": "status",
    }, only="name", said="name"),
    Shape("CircleCI pipeline", "projectslug vcs.revision number", {
        "key": "id", "commit": "vcs.revision", "author": "trigger.actor.login", "message": "vcs.commit.subject",
    }, kind="part"),
    Shape("CircleCI job", "projectslug name status startedat jobnumber|dependencies", {
        "id": "id", "time": "startedat", "repo": "projectslug~^[^/]+/(.+)", "message": "name", "state": "status",
    }, only="name", said="name"),
    Shape("CircleCI build", "vcsrevision buildnum reponame", {
        "id": "buildurl buildnum", "time": "starttime", "commit": "vcsrevision", "author": "user.login committername",
        "message": "subject", "repo": "vcsurl reponame", "state": "outcome status", "url": "buildurl",
    }, only="workflows.jobname workflows.workflowname", said="workflows.jobname"),
    Shape("Spinnaker execution", "application starttime|buildtime status trigger|stages", {
        "id": "id", "time": "starttime buildtime", "service": "application", "image": "trigger.artifacts.reference "
        "artifacts.reference trigger.artifacts.name", "commit": "trigger.buildinfo.scm.sha1", "author": "trigger.user "
        "authentication.user", "message": "name", "state": "status",
    }, only="name stages.type stages.name"),
    Shape("Terraform run", "type=runs attributes.status attributes.createdat", {
        "id": "id", "time": "attributes.statustimestamps.applyingat attributes.statustimestamps.appliedat "
        "attributes.createdat", "service": "relationships.workspace.data.id", "message": "attributes.message",
        "state": "attributes.status", "reached": "attributes.statustimestamps.applyingat", "url": "links.self",
    }),
    # --- Kubernetes and what deploys to it
    Shape("Argo CD revision", "metadata.name status.history.revision|status.history.revisions", {
        "id": "metadata.name@id", "time": "deploystartedat deployedat", "service": "metadata.name", "commit":
        "revision revisions", "version": "revision revisions", "author": "initiatedby.username", "repo":
        "source.repourl sources.repourl spec.source.repourl", "namespace": "spec.destination.namespace",
    }, each="status.history"),
    Shape("Argo CD sync", "metadata.name status.operationstate.phase=failed|error", {
        "id": "metadata.name@status.operationstate.startedat", "time": "status.operationstate.startedat", "service":
        "metadata.name", "commit": "status.operationstate.syncresult.revision status.operationstate.operation."
        "sync.revision", "author": "status.operationstate.operation.initiatedby.username", "message":
        "status.operationstate.message", "repo": "spec.source.repourl", "namespace": "spec.destination.namespace",
        "state": "status.operationstate.phase",
        "reached": "status.operationstate.syncresult.resources.status~^(synced)",
    }),
    Shape("Argo CD event", "involvedobject.kind=application reason message", {
        "time": "firsttimestamp eventtime lasttimestamp", "service": "involvedobject.name",
        "commit": "message~\\b([0-9a-f]{7,40})\\b", "message": "message",
        "state": "message~\\b(succeeded|failed)", "namespace": "involvedobject.namespace",
    }, only="reason", words="^operation", merges=True),
    Shape("Flux event", "involvedobject.kind=helmrelease|kustomization reason message", {
        "time": "firsttimestamp timestamp lasttimestamp",
        "service": "involvedobject.name", "namespace": "involvedobject.namespace",
        "commit": "metadata.kustomize.toolkit.fluxcd.iorevision~[:/]([0-9a-f]{7,40}) "
        "metadata.annotations.kustomize.toolkit.fluxcd.iorevision~[:/]([0-9a-f]{7,40}) metadata.revision~[:/]"
        "([0-9a-f]{7,40})",
        "version": "metadata.helm.toolkit.fluxcd.iorevision metadata.annotations.helm.toolkit.fluxcd.iorevision "
        "message~@(\\d[\\w.+-]*) metadata.revision", "message": "message", "state": "reason~(succeeded|failed)$",
    }, only="reason", words="^(?:install|upgrade|uninstall|rollback|reconciliation|apply|healthcheck)\\w*(?:ed)$",
       merges=True),
    Shape("Kubernetes workload", "kind=replicaset|controllerrevision metadata.ownerreferences.name spec|data", {
        **_KUBERNETES, "service": "metadata.ownerreferences.name", "image": _IMAGE,
    }),
    Shape("Kubernetes workload", "kind=replicaset metadata.name spec !metadata.ownerreferences.name", {
        **_KUBERNETES, "service": "metadata.name~^(.+?)-[0-9a-z]{6,10}$ metadata.name", "image": _IMAGE,
    }),
    Shape("Kubernetes workload", "kind=deployment|statefulset|daemonset metadata.name spec", {
        **_KUBERNETES, "service": "metadata.name", "image": _IMAGE,
    }),
    Shape("Helm revision", "chart revision updated status", {
        "time": "updated", "service": "name chart~^(.+?)-v?\\d[\\w.+-]*$ chart", "version": "appversion "
        "chart~-(v?\\d[\\w.+-]*)$", "message": "description", "state": "status", "namespace": "namespace",
    }),
    # --- Amazon
    Shape("CodeDeploy deployment", "deploymentid applicationname createtime", {
        "id": "deploymentid", "time": "starttime createtime", "service": "applicationname", "commit":
        "revision.githublocation.commitid", "version": "revision.s3location.key", "author": "creator", "message":
        "errorinformation.message description", "repo": "revision.githublocation.repository", "state": "status",
        "namespace": "deploymentgroupname", "reached": "deploymentoverview.succeeded~([1-9]\\d*)",
    }),
    Shape("CodeDeploy event", "detailtype=codedeploy.* detail.deploymentid time", {
        "id": "detail.deploymentid", "time": "time", "service": "detail.application", "state": "detail.state",
        "namespace": "detail.deploymentgroup",
    }, merges=True),
    Shape("ECS deployment", "servicename deployments.taskdefinition", {
        "id": "id", "time": "createdat", "service": "servicename", "version": "taskdefinition~([^/]+)$", "message":
        "rolloutstatereason", "state": "rolloutstate", "namespace": "clusterarn~([^/]+)$",
        "reached": "runningcount~([1-9]\\d*)",
    }, each="deployments"),
    Shape("ECS deployment", "taskdefinition rolloutstate createdat !servicename", {
        "id": "id", "time": "createdat", "service": "servicename taskdefinition~task-definition/([\\w-]+)", "version":
        "taskdefinition~([^/]+)$", "message": "rolloutstatereason", "state": "rolloutstate",
        "reached": "runningcount~([1-9]\\d*)",
    }),
    Shape("ECS event", "detailtype=ecs.deployment.state.change detail.eventname", {
        "id": "detail.deploymentid", "time": "detail.updatedat time", "service":
        "resources~service/(?:[^/]+/)?([^/]+)$", "message": "detail.reason",
        "state": "detail.eventname~(failed|completed|in_progress)$",
    }, merges=True),
    Shape("ECS service deployment", "servicedeploymentarn servicearn status", {
        "id": "servicedeploymentarn~([^/]+)$", "time": "startedat createdat", "service": "servicearn~([^/]+)$",
        "version": "targetservicerevisionarn~([^/]+)$", "message": "statusreason", "state": "status",
    }),
    Shape("CloudTrail event", "eventname eventsource|cloudtrailevent eventtime !errorcode", {
        "id": "eventid", "time": "eventtime", "author": "username useridentity.sessioncontext.sessionissuer.username "
        "useridentity.username useridentity.arn~([^/]+)$", "message": "eventname",
        "service": " ".join(
            f"{outer}requestparameters.{name}" for outer in ("", "cloudtrailevent.")
            for name in ("service~([^/]+)$", "servicename", "functionname~([^:]+)$", "applicationname",
                         "environmentname", "dbinstanceidentifier", "dbclusteridentifier", "name", "groupid")
        ),
        "version": "requestparameters.taskdefinition~([^/]+)$ requestparameters.versionlabel "
        "requestparameters.imageuri~([^/]+)$",
    }, only="eventname", words="^(?:Update|Modify|Create|Put|Delete|Deploy|Publish|Start|Stop|Reboot|Restore|Rollback|"
       "Authorize|Revoke|Change|Set|Attach|Detach|Deregister)(?!LogStream|NetworkInterface|Session|Query|Tags|Grant)"),
    # --- markers on dashboards, events of alerting tools
    Shape("PagerDuty change event", "summary timestamp type=change_event(?:_reference)?", {
        "id": "id", "time": "timestamp", "service": "customdetails.service services.summary services.name",
        "environment": "customdetails.environment customdetails.env", "message": "summary", "url": "links.href",
        "state": "customdetails.state customdetails.status",
    }, only="summary customdetails.type", said="summary"),
    Shape("PagerDuty change event", "payload.summary payload.timestamp !eventaction !payload.severity", {
        "time": "payload.timestamp", "service": "payload.customdetails.service", "environment":
        "payload.customdetails.environment payload.customdetails.env", "message": "payload.summary", "url":
        "links.href", "version": "payload.customdetails.version",
    }, only="payload.summary", said="payload.summary"),
    Shape("Datadog deployment", "attributes.service attributes.startedat attributes.git|attributes.version", {
        "id": "id", "time": "attributes.startedat", "service": "attributes.service", "version": "attributes.version",
        "commit": "attributes.git.commitsha", "repo": "attributes.git.repositoryurl", "environment": "attributes.env",
        "author": "attributes.git.author.email",
    }),
    Shape("Datadog event", "datehappened title|text", {
        "id": "id", "time": "datehappened", "service": "tags.service", "version": "tags.version", "environment":
        "tags.env tags.environment", "message": "title text", "commit": "tags.git.commit.sha tags.commit",
    }, only="title tags.event tags.deployment", said="title text", shared=True),
    Shape("Datadog event", "type=event attributes.timestamp attributes.message|attributes.attributes.title", {
        "id": "id", "time": "attributes.timestamp", "service": "attributes.tags.service attributes.attributes.service",
        "version": "attributes.tags.version", "environment": "attributes.tags.env", "message":
        "attributes.attributes.title attributes.message",
    }, only="attributes.attributes.title attributes.tags.event", said="attributes.attributes.title", shared=True),
    Shape("Grafana annotation", "time text tags !alertname userid|login|dashboarduid|dashboardid|panelid", {
        "id": "id", "time": "time", "author": "login", "message": "text", "service": "tags.service tags.app",
        "environment": "tags.env tags.environment", "version": "tags.version",
    }, only="text tags", said="text", shared=True),
    Shape("Honeycomb marker", "type message|url createdat starttime|updatedat !service", {
        "id": "id", "time": "starttime createdat", "message": "message", "url": "url",
    }, only="type message", said="message", shared=True),
    Shape("New Relic deployment", "revision timestamp links.application|changelog|user", {
        "id": "id", "time": "timestamp", "version": "revision", "commit": "revision", "author": "user", "message":
        "description changelog", "service": "applicationname",
    }),
    Shape("New Relic deployment", "entity.name|entityname|entity.guid|entityguid version timestamp", {
        "id": "deploymentid id", "time": "timestamp", "service": "entity.name entityname", "version": "version",
        "commit": "commit", "author": "user", "message": "description changelog", "url": "deeplink",
    }),
    Shape("Sentry release", "version datecreated projects|lastdeploy|commitcount", {
        "id": "version", "time": "lastdeploy.datestarted lastdeploy.datefinished datereleased datecreated",
        "service": "version~^([^@]+)@ projects.slug", "version": "version~@(.+)$ version", "environment":
        "lastdeploy.environment", "commit": "lastcommit.id ref", "author": "lastcommit.author.name", "message":
        "lastcommit.message", "repo": "lastcommit.repository.name", "url": "lastdeploy.url url",
    }),
    Shape("Sentry deploy", "environment datefinished !version", {
        "id": "id", "time": "datestarted datefinished", "version": "release~@(.+)$ release", "service":
        "release~^([^@]+)@", "environment": "environment", "message": "name", "url": "url",
    }),
    # --- switches
    Shape("LaunchDarkly entry", "kind date titleverb|shortdescription|accesses target|name", {
        "id": "id", "time": "date", "flag": "target.resources~:flag/([\\w.-]+) target.name name", "environment":
        "target.resources~:env/([\\w.-]+) accesses.resource~:env/([\\w.-]+)", "author": "member.email",
        "message": "titleverb shortdescription description",
    }, kind="flag", only="kind", words="^flag$"),
    Shape("Unleash event", "type createdat createdby featurename|data|predata|environment", {
        "id": "id", "time": "createdat", "flag": "featurename data.name data.featurename", "environment":
        "environment", "service": "project", "author": "createdby", "message": "type",
    }, kind="flag", only="type", words="^feature-(?!created|tagged|untagged|metadata|import|potentially)"),
    Shape("Statsig entry", "name actiontype updatedby|updatedbyuserid|modifieremail date", {
        "id": "id", "time": "date time", "flag": "name", "author": "updatedby modifieremail updatedbyuserid",
        "message": "description changelog actiontype",
    }, kind="flag", only="actiontype", words="gate|flag|config|experiment|layer|rollout|feature"),
)  # fmt: skip
