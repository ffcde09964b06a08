"""What programs say when something fails, in the words of each language's libraries."""

from __future__ import annotations

from .engine import Failure
from .fleet import Service

LANGUAGE_OF = {"java-old": "java", "java-new": "java", "go": "go", "python-old": "python", "python-new": "python"}
LANGUAGE_OF |= {"node-old": "node", "node-new": "node", "dotnet": "dotnet"}

# (kind of failure) -> a sentence and a type per language.
TYPES = {
    "Timeout": {
        "java": "java.net.SocketTimeoutException",
        "go": "*url.Error",
        "python": "requests.exceptions.ReadTimeout",
        "node": "AxiosError",
        "dotnet": "System.Threading.Tasks.TaskCanceledException",
    },
    "ConnectionRefused": {
        "java": "java.net.ConnectException",
        "go": "*net.OpError",
        "python": "requests.exceptions.ConnectionError",
        "node": "Error",
        "dotnet": "System.Net.Http.HttpRequestException",
    },
    "ConnectionReset": {
        "java": "java.net.SocketException",
        "go": "*net.OpError",
        "python": "requests.exceptions.ConnectionError",
        "node": "Error",
        "dotnet": "System.IO.IOException",
    },
    "UnknownHost": {
        "java": "java.net.UnknownHostException",
        "go": "*net.DNSError",
        "python": "socket.gaierror",
        "node": "Error",
        "dotnet": "System.Net.Sockets.SocketException",
    },
    "CertificateExpired": {
        "java": "javax.net.ssl.SSLHandshakeException",
        "go": "x509.CertificateInvalidError",
        "python": "ssl.SSLCertVerificationError",
        "node": "Error",
        "dotnet": "System.Security.Authentication.AuthenticationException",
    },
    "PoolTimeout": {
        "java": "java.sql.SQLTransientConnectionException",
        "go": "*errors.errorString",
        "python": "sqlalchemy.exc.TimeoutError",
        "node": "TimeoutError",
        "dotnet": "System.InvalidOperationException",
    },
}


def refused(host: str, language: str) -> Failure:
    """Nobody listens."""
    text = {
        "java": f"Connection refused: {host}",
        "go": f"dial tcp {host}:8080: connect: connection refused",
        "python": f"HTTPConnectionPool(host='{host}', port=8080): Max retries exceeded: [Errno 111] Connection refused",
        "node": f"connect ECONNREFUSED {host}:8080",
        "dotnet": f"Connection refused ({host}:8080)",
    }[language]
    return Failure("ConnectionRefused", text, 503)


def unresolved(host: str, language: str) -> Failure:
    """The name does not resolve."""
    text = {
        "java": f"{host}: Temporary failure in name resolution",
        "go": f"dial tcp: lookup {host} on 10.96.0.10:53: server misbehaving",
        "python": "[Errno -3] Temporary failure in name resolution",
        "node": f"getaddrinfo EAI_AGAIN {host}",
        "dotnet": f"Resource temporarily unavailable ({host}:8080)",
    }[language]
    return Failure("UnknownHost", text, 503)


def expired(host: str, language: str) -> Failure:
    """The other side's certificate has ended."""
    text = {
        "java": "PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed",
        "go": f'Get "https://{host}/": tls: failed to verify certificate: '
        "x509: certificate has expired or is not yet valid",
        "python": "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006)",
        "node": "certificate has expired",
        "dotnet": "The remote certificate is invalid because of errors in the certificate chain: NotTimeValid",
    }[language]
    return Failure("CertificateExpired", text, 503, temporary=False)


def timed_out(host: str, seconds: float, language: str) -> Failure:
    """No answer in time."""
    ms = round(seconds * 1000)
    text = {
        "java": "Read timed out",
        "go": f'Get "http://{host}:8080": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        "python": f"HTTPConnectionPool(host='{host}', port=8080): Read timed out. (read timeout={seconds:g})",
        "node": f"timeout of {ms}ms exceeded",
        "dotnet": f"The request was canceled due to the configured HttpClient.Timeout of {seconds:g} seconds elapsing.",
    }[language]
    return Failure("Timeout", text, 504)


def no_connection(pool: str, seconds: float, size: int, waiting: int, language: str) -> Failure:
    """The pool has none to give."""
    ms = round(seconds * 1000)
    text = {
        "java": f"HikariPool-1 - Connection is not available, request timed out after {ms}ms "
        f"(total={size}, active={size}, idle=0, waiting={waiting})",
        "go": "context deadline exceeded while waiting for a free connection",
        "python": f"QueuePool limit of size {size} overflow 0 reached, connection timed out, timeout {seconds:.2f}",
        "node": "Knex: Timeout acquiring a connection. The pool is probably full.",
        "dotnet": "Timeout expired. The timeout period elapsed prior to obtaining a connection from the pool.",
    }[language]
    return Failure("PoolTimeout", text, 500)


def answered(status: int, language: str) -> Failure:
    """The other side answered with an error."""
    text = {
        "java": f"{status} from upstream",
        "go": f"unexpected status {status}",
        "python": f"{status} Server Error",
        "node": f"Request failed with status code {status}",
        "dotnet": f"Response status code does not indicate success: {status}.",
    }[language]
    return Failure("UpstreamError", text, 502 if status < 503 else status)


def type_of(failure: Failure, service: Service) -> str:
    """The exception's class, as this service's runtime names it."""
    language = LANGUAGE_OF[service.style]
    known = TYPES.get(failure.kind)
    if known:
        return known[language]
    if failure.kind == "UpstreamError":
        return {
            "java": "org.springframework.web.client.HttpServerErrorException",
            "go": "*errors.errorString",
            "python": "requests.exceptions.HTTPError",
            "node": "AxiosError",
            "dotnet": "System.Net.Http.HttpRequestException",
        }[language]
    return failure.kind


def stack(failure: Failure, service: Service, where: str) -> str:
    """A stack trace."""
    language, kind = LANGUAGE_OF[service.style], type_of(failure, service)
    word = "".join(part.title() for part in where.strip("/").replace("{id}", "").replace("/", " ").split()) or "Root"
    low, package = word.lower(), service.name.replace("-", "")
    if language == "java":
        return (
            f"{kind}: {failure.message}\n\tat com.acme.{package}.{word}Service"
            f".handle({word}Service.java:{40 + len(low)})"
            f"\n\tat com.acme.{package}.{word}Controller.invoke({word}Controller.java:31)"
            "\n\tat java.base/java.lang.Thread.run(Thread.java:840)"
        )
    if language == "python":
        return (
            f'Traceback (most recent call last):\n  File "/app/{package}/{low}.py", line {20 + len(low)}'
            f", in handle_{low}"
            f"\n    return self._run(request)\n{kind}: {failure.message}"
        )
    if language == "node":
        return f"{kind}: {failure.message}\n    at handle{word} (/usr/src/app/src/{low}.js:{30 + len(low)}:17)"
    if language == "dotnet":
        return f"{kind}: {failure.message}\n   at Acme.{word}Handler.Handle()"
    return f"{failure.message}\n{package}/internal/{low}.go:{50 + len(low)} (*{word}Handler).ServeHTTP"
