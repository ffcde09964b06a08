from catalog import settings


def test_a_port_is_set() -> None:
    assert settings.HTTP_PORT > 0
