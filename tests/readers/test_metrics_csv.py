"""Tables with times and numbers that are no metrics, and tables that are, read one by one."""

from __future__ import annotations

import pytest

from deep_code_reasoning.readers.base import Head
from deep_code_reasoning.readers.metrics_csv import sniff

NO_METRICS = {
    "logs": "time,pid,content\n"
    + "".join(f"2024-06-10T07:00:0{n}Z,{n},a line that says {n} in words\n" for n in range(5)),
    "messages": "timestamp,level,message\n2024-06-10T07:00:00Z,3,up\n",
    "deploys": "timestamp,service,version\n2024-06-10T07:00:00Z,cart,17\n",
    "spans": "trace_id,span_id,start_time,duration_ms\nab,01,2024-06-10T07:00:00Z,3\n",
    "no times": "time,value\nnever,1\nsoon,2\n",
    "no numbers": "time,metric,value\n2024-06-10T07:00:00Z,cpu,high\n",
    "no time column": "service,value\ncart,1\n",
    "no values": "time,service\n2024-06-10T07:00:00Z,cart\n",
}


@pytest.mark.parametrize("name", NO_METRICS)
def test_a_table_of_something_else_is_no_metric_table(name: str) -> None:
    assert sniff(Head("x", NO_METRICS[name].encode(), True)) == 0.0


@pytest.mark.parametrize(
    "table",
    [
        "timestamp,service,value\n1718002800,cart,1\n",
        "Time;cpu;mem\n2024-06-10 07:00:00;0.5;7\n",
        ",time,cart.cpu,cart.mem\n0,1718002800,1,2\n1,1718002815,1,2\n",
        "_time,_value,_field,_measurement\n2024-06-10T07:00:00Z,1.5,usage,cpu\n",
    ],
)
def test_tables_of_metrics_go_by_many_headers(table: str) -> None:
    assert sniff(Head("x", table.encode(), True)) >= 0.7
