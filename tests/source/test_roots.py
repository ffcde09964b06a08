"""Code is read below the roots and nowhere else, and secrets are never read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deep_code_reasoning.errors import OutsideRootsError, SecretFileError, SourceNotFoundError, UnreadableSourceError
from deep_code_reasoning.source import Roots

SECRETS = (
    ".env", ".env.local", ".env.production", "prod.env", "config/.env", ".envrc", "id_rsa", "keys/id_ed25519",
    "server.pem", "tls.key", "app.p12", "cert.pfx", "store.jks", "debug.keystore", "passwords.kdbx", ".netrc",
    ".pgpass",
    ".npmrc", ".pypirc", ".htpasswd", ".git-credentials", "credentials", "credentials.json", "aws_credentials",
    "service-account.json", "client_secret_12.json", "secrets.yaml", "secret.json", "terraform.tfstate", "prod.tfvars",
    "kubeconfig", ".aws/config", ".ssh/config", ".docker/config.json", ".kube/config", ".ENV", "ID_RSA",
)  # fmt: skip
OPEN = (
    ".env.example", ".env.sample", ".env.template", "credentials.example.json", "secrets.py", "credentials.go",
    "password_reset.ts", "config.yaml", "Makefile", "Dockerfile", "notes.weird", "data.csv", "LICENSE", "main.tf",
    "token.rs", "environment.ts", "keyboard.js", "id_rsa.md", "docker/config.json",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "cart.py").write_text("def total():\n    return 1\n")
    (tmp_path / "outside.py").write_text("outside\n")
    return folder


def write(root: Path, name: str, text: str = "hello\n") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("path", ["src/cart.py", "shop/src/cart.py", "./src/cart.py", "src/../src/cart.py"])
def test_a_file_is_found_by_each_of_its_names(root: Path, path: str) -> None:
    file = Roots((root,)).read(path)
    assert str(file.where) == "shop/src/cart.py"
    assert file.lines[0] == "def total():"


def test_an_absolute_path_inside_a_root_is_fine(root: Path) -> None:
    assert str(Roots((root,)).read(str(root / "src" / "cart.py")).where) == "shop/src/cart.py"


@pytest.mark.parametrize(
    "path", ["../outside.py", "src/../../outside.py", "/etc/passwd", "shop/../../outside.py", "/proc/self/environ"]
)
def test_nothing_outside_is_read(root: Path, path: str) -> None:
    with pytest.raises(OutsideRootsError) as refusal:
        Roots((root,)).read(path)
    assert refusal.value.exit_code == 2
    assert "outside\n" not in refusal.value.message


def test_links_lead_nowhere_outside(root: Path, tmp_path: Path) -> None:
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "folder").symlink_to(tmp_path)
    (root / "inside.py").symlink_to(root / "src" / "cart.py")
    roots = Roots((root,))
    for path in ("link.py", "folder/outside.py"):
        with pytest.raises(OutsideRootsError):
            roots.read(path)
    assert str(roots.read("inside.py").where) == "shop/src/cart.py"


def test_a_link_that_is_put_in_place_after_the_check_is_not_followed(root: Path, tmp_path: Path) -> None:
    roots = Roots((root,))
    where = roots.resolve("src/cart.py")
    (root / "src" / "cart.py").unlink()
    (root / "src" / "cart.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(UnreadableSourceError):
        roots.read(where)
    (root / "src" / "cart.py").unlink()
    (root / "src").rmdir()
    (root / "src").symlink_to(tmp_path)
    (tmp_path / "cart.py").write_text("outside")
    with pytest.raises(UnreadableSourceError):
        roots.read(where)


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_never_read(root: Path, name: str) -> None:
    write(root, name, "TOKEN=1\n")
    roots = Roots((root,))
    with pytest.raises(SecretFileError) as refusal:
        roots.read(name)
    assert refusal.value.hint
    assert name not in {where.path for where in roots.files}


def test_a_link_with_a_harmless_name_does_not_open_a_secret(root: Path) -> None:
    write(root, ".env", "TOKEN=1\n")
    (root / "notes.txt").symlink_to(root / ".env")
    with pytest.raises(SecretFileError):
        Roots((root,)).read("notes.txt")


def test_a_private_key_is_refused_whatever_its_name(root: Path) -> None:
    write(root, "readme.txt", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n")
    with pytest.raises(SecretFileError):
        Roots((root,)).read("readme.txt")


@pytest.mark.parametrize("name", OPEN)
def test_templates_and_text_files_of_any_extension_are_read(root: Path, name: str) -> None:
    write(root, name)
    assert Roots((root,)).read(name).text == "hello\n"


def test_special_files_folders_binaries_and_giants_are_refused(root: Path) -> None:
    os.mkfifo(root / "pipe")
    write(root, "image.bin", "a\0b")
    write(root, "big.py", "x" * 1_001)
    roots = Roots((root,), max_file_bytes=1_000)
    for path in ("pipe", "src", "image.bin", "big.py"):
        with pytest.raises(UnreadableSourceError):
            roots.read(path)


@pytest.mark.parametrize("path", ["", " ", "a\0b", "missing.py"])
def test_what_is_no_file_is_said_so(root: Path, path: str) -> None:
    with pytest.raises(SourceNotFoundError):
        Roots((root,)).read(path)


def test_reading_many_accounts_for_each_that_was_not_read(root: Path) -> None:
    write(root, ".env")
    files, skipped = Roots((root,)).read_many(["src/cart.py", "shop/src/cart.py", ".env", "../outside.py", "gone.py"])
    assert [str(file.where) for file in files] == ["shop/src/cart.py"]
    assert [skip.path for skip in skipped] == [".env", "../outside.py", "gone.py"]
    assert all(skip.reason for skip in skipped)


def test_several_roots_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for team in ("a", "b"):
        write(tmp_path / team / "api", "main.py", team)
    roots = Roots((tmp_path / "a" / "api", tmp_path / "b" / "api"))
    assert roots.names == ("a/api", "b/api")
    assert roots.read("b/api/main.py").text == "b"
    with pytest.raises(SourceNotFoundError, match="several roots"):
        roots.read("main.py")


def test_a_path_of_another_machine_is_found_by_its_end(tmp_path: Path) -> None:
    write(tmp_path / "shop", "src/shop/cart.py")
    write(tmp_path / "mail", "src/mail/cart.py")
    roots = Roots((tmp_path / "shop", tmp_path / "mail"))
    assert [str(where) for where in roots.find("/app/src/shop/cart.py")] == ["shop/src/shop/cart.py"]
    assert len(roots.find("cart.py")) == 2
    assert roots.find("/app/other.py") == ()


def test_what_changed_on_disk_is_read_anew(root: Path) -> None:
    roots = Roots((root,))
    roots.read("src/cart.py")
    write(root, "src/cart.py", "new\n")
    assert roots.read("src/cart.py").text == "new\n"


def test_a_root_has_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        Roots((tmp_path / "gone",))
