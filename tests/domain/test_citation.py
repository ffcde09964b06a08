from __future__ import annotations

import pytest

from deep_code_reasoning.domain.citation import Citation, log_citation, metric_citation, span_citation
from deep_code_reasoning.errors import CitationError


@pytest.mark.parametrize(
    "citation",
    [
        span_citation("t", "s"),
        log_citation("a/b@c.log", 3),
        log_citation("x", 3, 9),
        metric_citation("m{x}", "svc", 10**18),
    ],
)
def test_citations_are_read_back(citation: Citation) -> None:
    assert Citation.parse(str(citation)) == citation


@pytest.mark.parametrize("text", ["", "span", "span:", "dream:1", ":x"])
def test_what_is_no_citation_is_refused(text: str) -> None:
    with pytest.raises(CitationError, match="is not a citation"):
        Citation.parse(text)
