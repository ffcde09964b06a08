"""The ten repositories: what each is for and its language. Their source as it starts lies in `repositories/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

Files = dict[str, str]  # path within the repository -> text
START: Final = Path(__file__).parent / "repositories"


@dataclass(frozen=True)
class Repository:
    """One of the ten. `role` is what the simulated system calls the service; the contracts are a library."""

    role: str
    name: str
    language: str

    @property
    def start(self) -> Files:
        """The files of the first commit."""
        folder = START / self.name
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


REPOSITORIES: Final = (
    Repository("web", "storefront", "typescript"),
    Repository("catalog", "catalog", "python"),
    Repository("basket", "cart", "typescript"),
    Repository("orders", "orders", "java"),
    Repository("payments", "payments", "java"),
    Repository("ledger", "ledger", "python"),
    Repository("stock", "inventory", "go"),
    Repository("users", "accounts", "go"),
    Repository("notify", "mailer", "python"),
    Repository("contracts", "shop-contracts", "java"),
)
LANGUAGES: Final = {repository.role: repository.language for repository in REPOSITORIES}
