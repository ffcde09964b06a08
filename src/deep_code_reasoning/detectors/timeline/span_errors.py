"""What a failed span says of its failure: its status, else the exception that it recorded.

Some instrumentation sets no description when it sets the status; the exception event then is all there is
(OpenTelemetry semantic conventions for exceptions on spans).
"""

from __future__ import annotations

from typing import Final

from ...store import CaseStore

ERROR_TEXT: Final = "if(status_message != '', status_message, span_errors.message)"
"""SQL: the text of a span's failure, after `JOIN_ERRORS`."""

JOIN_ERRORS: Final = "LEFT ANY JOIN span_errors USING (trace_id, span_id)"


def prepare_span_errors(store: CaseStore) -> None:
    """Make the table `span_errors`, once: the last exception of each span that has one."""
    store.derive(
        "span_errors",
        """
        SELECT trace_id, span_id, argMax(
            concat(attributes['exception.type'], if(attributes['exception.type'] = '', '', ': '),
                   attributes['exception.message']), time_ns) AS message
        FROM span_events WHERE name = 'exception' GROUP BY trace_id, span_id
        """,
        "trace_id String, span_id String, message String",
    )
