"""Secrets to plant, one a kind, none of them real. They are put together from parts so that no scanner takes this file
for a leak."""

from __future__ import annotations

_BODY = "pQ7xK2mV9sLw4RtZ8nYc3HfJ6dBg5AuE1oTiXkSvNrMq0WzPyClDhUjF"
_HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_B64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
_JWT = ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", _BODY[:43]))


def _pem(kind: str) -> str:
    return f"-----BEGIN {kind}-----\n{_B64}\n{_B64}\n-----END {kind}-----"


# Kind -> (text with the secret in it, the secret).
PLANTED: dict[str, tuple[str, str]] = {
    kind: (template.replace("§", secret), secret)
    for kind, template, secret in (
        ("aws key id", "using § in eu-west-1", "AKIA" + "Q3EGRNZ7TVXW2MBH"),
        ("aws secret key", "aws_secret_access_key = §", _BODY[:40]),
        ("aws session token", "AWS_SESSION_TOKEN=§", "FwoGZXIvYXdz" + _BODY),
        ("aws presigned url", "GET https://b.s3.amazonaws.com/k?X-Amz-Signature=§&x=1", _HEX),
        ("gcp api key", "maps key § rejected", "AIza" + _BODY[:35]),
        (
            "gcp service account",
            '{"private_key": "-----BEGIN PRIVATE KEY-----\\n§\\n-----END PRIVATE KEY-----\\n"}',
            _B64,
        ),
        ("google oauth", "token § expired", "ya29." + _BODY),
        ("azure storage", "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=§;", _BODY + _BODY[:30] + "=="),
        ("azure sas", "https://shop.blob.core.windows.net/c?sv=2022-11-02&sig=§&se=2026", _BODY[:44] + "%3D"),
        ("azure client secret", "AZURE_CLIENT_SECRET=§", "abc8Q~" + _BODY[:34]),
        (
            "azure service bus",
            "Endpoint=sb://b.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=§",
            _BODY[:43] + "=",
        ),
        ("github pat", "remote: §", "ghp_" + _BODY[:36]),
        ("github fine-grained", "git clone with §", "github_pat_" + _BODY[:22] + "_" + _BODY + "abc"),
        ("github app", "installation token § issued", "ghs_" + _BODY[:36]),
        ("gitlab pat", "PRIVATE-TOKEN: §", "glpat-" + _BODY[:20]),
        ("slack bot", "slack says no to §", "xoxb-" + "123456789012-123456789012-" + _BODY[:24]),
        ("slack webhook", "posting to §", "https://hooks.slack.com/services/" + "T01ABCDEF/B01ABCDEF/" + _BODY[:24]),
        ("stripe live", "charge failed with §", "sk_live_" + _BODY[:24]),
        ("stripe test", "charge failed with §", "sk_test_" + _BODY[:24]),
        ("stripe webhook", "endpoint secret §", "whsec_" + _BODY[:32]),
        ("openai", "calling with §", "sk-proj-" + _BODY[:48]),
        ("anthropic", "calling with §", "sk-ant-api03-" + _BODY),
        ("hugging face", "downloading with §", "hf_" + _BODY[:34]),
        ("sendgrid", "mail key §", "SG." + _BODY[:22] + "." + _BODY[:43]),
        ("twilio", "twilio sid §", "SK" + _HEX[:32]),
        ("mailgun", "mailgun §", "key-" + _HEX[:32]),
        ("npm", "publishing with §", "npm_" + _BODY[:36]),
        ("pypi", "uploading with §", "pypi-AgEIcHlwaS5vcmc" + _BODY + _BODY[:20]),
        ("telegram", "bot § started", "123456789:AA" + _BODY[:33]),
        ("digitalocean", "doctl auth §", "dop_v1_" + _HEX),
        ("databricks", "workspace §", "dapi" + _HEX[:32]),
        ("vault", "vault login §", "hvs." + _BODY[:32]),
        ("jwt", "user token § accepted", _JWT),
        ("bearer header", "Authorization: Bearer §", _BODY[:40]),
        ("basic header", "authorization: Basic §", "dXNlcjpwYXNzd29yZDEyMw=="),
        ("api key header", "X-Api-Key: §", _BODY[:32]),
        ("cookie", "Cookie: sid=§; theme=dark", _BODY[:30]),
        ("set-cookie", "set-cookie: session=§; HttpOnly", _BODY[:30]),
        ("url password", "connecting to https://svc:§@internal.example/api", "hunter2pass"),
        ("postgres dsn", "postgresql://app:§@db:5432/shop", "p4ss-w0rd!"),
        ("mongodb dsn", "mongodb+srv://app:§@cluster0.mongodb.net/shop", "s3cr3tMongo"),
        ("redis url", "redis://:§@cache:6379/0", "redisPa55"),
        ("jdbc", "jdbc:mysql://db/shop?user=app&password=§&useSSL=false", "jdbcPa55word"),
        ("ado connection string", "Server=db;Database=shop;User Id=app;Password=§;", "Adm1nPa55"),
        ("key=value password", "password=§", "hunter2"),
        ("yaml password", "database:\n  password: §\n  host: db", "tr0ub4dor"),
        ("plain word password", "db_password: §", "swordfish"),
        ("json password", '{"user": "app", "password": "§"}', "c0rrect-horse"),
        ("escaped json password", '"{\\"user\\": \\"app\\", \\"passwd\\": \\"§\\"}"', "esc4pedHorse"),
        ("toml secret", 'client_secret = "§"', "vErY-s3cret-value"),
        ("env secret", "export DJANGO_SECRET_KEY='§'", "n0t-so-secret-key"),
        ("java properties", "spring.datasource.password=§", "springPa55"),
        ("shell option", "psql --host db --password § --quiet", "optionPa55"),
        ("curl user", "curl -s -u admin:§ https://internal.example", "curlPa55word"),
        ("sql identified by", "CREATE USER app IDENTIFIED BY '§'", "sqlPa55"),
        ("rsa key", "§", _pem("RSA PRIVATE KEY")),
        ("ec key", "§", _pem("EC PRIVATE KEY")),
        ("openssh key", "§", _pem("OPENSSH PRIVATE KEY")),
        ("pgp key", "§", _pem("PGP PRIVATE KEY BLOCK")),
        ("high-entropy assignment", "ENCRYPTION_SALT=§", _BODY[:40]),
        ("high-entropy setting", 'webhook_auth: "§"', _BODY[:32]),
        ("session id", "JSESSIONID=§", "9A3F0C7E5D1B48269A3F0C7E5D1B4826"),
    )
}

# What looks like a secret and is evidence; it must come through as it is.
ORDINARY = (
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    '"traceId":"dc7db5cbec8d511cb7e08fd7c7b47c00","spanId":"b6ce9b3cd8b064a8"',
    "commit 559e94ce37a7b4b6053149c40ba8a5bc9113ca6e by Jo",
    "request 550e8400-e29b-41d4-a716-446655440000 took 812 ms",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 pulled",
    "payload base64 length=48213 bytes, prompt_tokens=512, max_tokens: 4096",
    "token count: 12, tokens left 3, token_type=Bearer, token_ttl=3600s",
    "password = get_password(user)",
    "password: str | None = None",
    "def login(user: str, password: str) -> Token:",
    "if not check_password(password, user.password_hash):",
    "passwordField = document.getElementById('password')",
    "secret_name: orders-db, secretKeyRef: {name: orders-db}",
    "password=${DB_PASSWORD}",
    'api_key = os.environ["API_KEY"]',
    "token expired, refreshing token for user 42",
    "ERROR invalid password for user 'jo'",
    "authorization failed: permission denied for /api/orders",
    "partition_key=orders-17 sort_key=2026-11-25 cache_key=user:42:profile",
    'etag: W/"1f-a3b5c7d9e1f20a4b6c8d" age=31',
    "key=order:12345 lock acquired by worker-7, lease 30000 ms",
    "SELECT id, state FROM orders WHERE id = $1 AND state = $2",
    "GET /api/v1/cart/8123/items?page=2&size=50 200 12ms http://cart:8080/api/v1/8123",
    "java.lang.IllegalStateException: pool exhausted at com.shop.cart.CartService.handle(CartService.java:142)",
    "public key ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jo",
    "Processed session termination for sessionid: 0x34f8b2c9a1d0007",
    "context_window_tokens = 1_048_576 budget_tokens: 32000",
    "peer 10.0.3.17:5432 user=app db=shop",
)
