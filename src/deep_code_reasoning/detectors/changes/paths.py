"""What a file is, from its path alone: code that runs, configuration, schema, or something that never runs."""

from __future__ import annotations

import re
from typing import Final

# Ordered: the first that matches wins. Each kind names what a change to such a file can do.
_KINDS: Final[tuple[tuple[str, str], ...]] = (
    (
        "test",
        r"(^|/)(tests?|specs?|__tests__|testdata|fixtures|e2e)/|_test\.\w+$|[._](test|spec|bench)\.\w+$"
        r"|(Test|Tests|Spec|IT)\.(java|kt|cs|scala|swift|php|groovy)$|(^|/)(test_|conftest)[\w]*\.py$|_spec\.rb$"
        r"|(^|/)[\w.]+\.(\w+)?(Tests?|Specs?)/|(^|/)(androidTest|integrationTest|benches|cypress|stories)/|\.(stories|cy)\.\w+$"
        # what only test runners read
        r"|(^|/)(pytest\.ini|\.rspec|\.coveragerc|phpunit[\w.]*\.xml[\w.]*|testng[\w-]*\.xml|junit-platform\.properties"
        r"|(jest|vitest|playwright|cypress|karma|wdio|ava|cucumber|nightwatch)(\.config|\.conf)?\.(\w+)|\.(mocharc|nycrc|jestrc)[\w.]*)$",
    ),
    (
        "ci",
        r"(^|/)(\.github|\.circleci|\.gitlab|\.buildkite|\.teamcity|\.woodpecker|\.tekton|\.?ci)/|(^|/)(\.gitlab-ci\.yml"
        r"|Jenkinsfile|\.travis\.yml|\.drone\.yml|(azure|bitbucket)-pipelines[\w.-]*\.ya?ml|cloudbuild\.ya?ml"
        r"|\.golangci\.ya?ml|\.eslintrc[\w.]*|\.prettierrc[\w.]*|\.pre-commit-config\.yaml|\.editorconfig"
        r"|\.rubocop\.yml|ruff\.toml|tox\.ini|\.gitignore|CODEOWNERS|\.git\w+|\.flake8|\.?mypy\.ini|\.?pylintrc|noxfile\.py"
        r"|checkstyle[\w-]*\.xml|pmd[\w-]*\.xml|spotbugs[\w-]*\.xml|detekt\.ya?ml|phpstan[\w.-]*|psalm[\w.]*\.xml|phpcs[\w.]*"
        r"|\.?rustfmt\.toml|\.?clippy\.toml|\.clang-(format|tidy)|\.stylelintrc[\w.]*|eslint\.config\.\w+|biome\.jsonc?"
        r"|sonar-project\.properties|renovate\.json5?|dependabot\.ya?ml|\.?codecov\.ya?ml|commitlint[\w.]*|lefthook\.ya?ml)$",
    ),
    (
        "rehearsal",  # settings of an environment that serves nobody
        r"(^|/)(env\w*/|overlays/|config/|deploy\w*/|helm/([\w-]+/)*|k8s/)?(staging|stage|dev|development|qa|uat|sandbox|preview|local)"
        r"/[^/]*\.(ya?ml|env|tfvars|properties|json|toml|conf)$"
        r"|(^|/)([\w.-]*[-_.])?(staging|stage|dev|development|qa|uat|sandbox|preview|local)\.(ya?ml|env|tfvars|properties|json|toml)$"
        r"|(^|/)\.env\.(staging|stage|dev|development|qa|uat|sandbox|preview|local|test)$",
    ),
    (
        "lock",
        r"\.lock$|(^|/)(go\.sum|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml)$",
    ),
    (
        "manifest",
        r"(^|/)(go\.mod|package\.json|requirements[\w.-]*\.txt|pyproject\.toml|setup\.(py|cfg)|pom\.xml"
        r"|build\.gradle(\.kts)?|libs\.versions\.toml|Gemfile|Cargo\.toml|composer\.json|mix\.exs"
        r"|[\w.]+\.csproj)$",
    ),
    ("image", r"(^|/)(Dockerfile|Containerfile)[\w.-]*$"),
    (
        "docs",
        r"\.(md|mdx|rst|adoc)$|(^|/)(docs?|documentation|runbooks?)/|(^|/)(README|LICENSE|CHANGELOG|NOTICE"
        r"|AUTHORS|CONTRIBUTING)[\w.]*$",
    ),
    (
        "style",
        r"\.(css|scss|sass|less|styl|svg|png|jpe?g|gif|ico|woff2?)$|(^|/)(theme|palette|colors?|tokens)\.\w+$"
        r"|(^|/)(i18n|locales?|translations|lang)/|(^|/)(strings|messages|texts?|wording)[\w.-]*\.(json|ya?ml|properties)$",
    ),
    ("view", r"\.(html?|erb|haml|slim|jinja2?|j2|mustache|hbs|ejs|twig|pug|vue|svelte|tsx|jsx)$"),
    ("schema", r"\.(proto|avsc|thrift|fbs|graphqls?|xsd)$|(^|/)(openapi|swagger)[\w.-]*\.(ya?ml|json)$"),
    ("sql", r"\.(sql|ddl)$|(^|/)(migrations?|migrate|alembic|flyway|liquibase)/"),
    (
        "config",
        r"\.(ya?ml|toml|ini|properties|conf|cfg|env|json|json5|tf|tfvars|hcl|xml|plist|cnf|rules)$"
        r"|(^|/)(\.env[\w.]*|Procfile|crontab|nginx[\w.]*|haproxy[\w.]*|values[\w.-]*)$",
    ),
)
_PATTERNS: Final = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)

# Files that no running process of a service reads.
NEVER_RUNS: Final = frozenset({"test", "ci", "docs", "style", "rehearsal"})


def file_kind(path: str) -> str:
    """One of test, ci, rehearsal, lock, manifest, image, docs, style, view, schema, sql, config, code."""
    for kind, pattern in _PATTERNS:
        if pattern.search(path):
            return kind
    return "code"


def has_extension(path: str, *extensions: str) -> bool:
    """Whether the path ends in one of `.ext`."""
    return path.lower().endswith(tuple(f".{extension}" for extension in extensions))
