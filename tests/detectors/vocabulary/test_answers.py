"""How requests were answered, by the labels of who counts them."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.answers import answer, telling_labels


@pytest.mark.parametrize(
    ("labels", "how"),
    [
        ({"http.response.status_code": "200"}, "answered"),
        ({"http.response.status_code": "503"}, "5xx"),
        ({"code": "404"}, "4xx"),
        ({"response_code_class": "5xx"}, "5xx"),
        ({"envoy_response_code_class": "5"}, "5xx"),
        ({"status": "302", "exception": "None", "outcome": "REDIRECTION"}, "answered"),
        ({"status": "500", "exception": "IllegalStateException", "outcome": "SERVER_ERROR"}, "5xx"),
        ({"status": "400", "exception": "MethodArgumentNotValidException", "outcome": "CLIENT_ERROR"}, "4xx"),
        ({"grpc_code": "OK"}, "answered"),
        ({"grpc_code": "DeadlineExceeded"}, "5xx"),
        ({"grpc_code": "InvalidArgument"}, "4xx"),
        ({"rpc.grpc.status_code": "14"}, "5xx"),
        ({"rpc.grpc.status_code": "5"}, "4xx"),
        ({"rpc.grpc.status_code": "0"}, "answered"),
        ({"status_code": "STATUS_CODE_ERROR"}, "5xx"),
        ({"status_code": "STATUS_CODE_UNSET"}, "answered"),
        ({"http.response.status_code": "200", "error.type": ""}, "answered"),
        ({"error.type": "java.net.SocketTimeoutException"}, "5xx"),
        ({"outcome": "success"}, "answered"),
        ({"result": "failed"}, "5xx"),
        ({"success": "false"}, "5xx"),
        ({"result": "cached"}, ""),
        ({"method": "GET"}, ""),
        ({}, ""),
    ],
)
def test_answers_are_read_from_labels(labels: dict[str, str], how: str) -> None:
    assert answer({name: value for name, value in labels.items() if name in telling_labels(labels)}) == how


def test_labels_that_tell_of_other_things_are_left_alone() -> None:
    names = ["country_code", "storage_class", "service", "le", "error_budget", "http_route", "status", "grpc_code"]
    assert telling_labels(names) == ["grpc_code", "status"]
