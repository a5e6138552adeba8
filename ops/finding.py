"""One thing that is wrong, as checks report it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """`where` is a file, resource or task; `why` what AWS or Airflow would do, with the document that says so."""

    check: str
    where: str
    what: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.what}\n    why: {self.why}\n    fix: {self.fix}"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
