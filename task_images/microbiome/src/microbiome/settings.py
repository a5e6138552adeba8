"""The parameters of an analysis: names, types, defaults and limits, checked once when they enter."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from microbiome.errors import BadInput

IUPAC = re.compile(r"[ACGTUMRWSYKVHDBN]*")


@dataclass(frozen=True)
class Settings:
    """Everything that changes results. Lengths are bases, `confidence` is a share of bootstraps."""

    reference: str = ""
    samples_uri: str = ""
    forward_primer: str = ""
    reverse_primer: str = ""
    max_ee: float = 1.0
    min_length: int = 100
    max_length: int = 600
    truncate_length: int = 0
    minsize: int = 8
    alpha: float = 2.0
    confidence: float = 0.8
    metadata: str = ""
    truth: str = ""

    def of_samples(self) -> dict[str, Any]:
        """The part that changes a sample's own result; gather refuses samples made with another one."""
        names = ("forward_primer", "reverse_primer", "max_ee", "min_length", "max_length", "truncate_length")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


LIMITS: dict[str, tuple[float, float]] = {
    "max_ee": (0.01, 100.0),
    "min_length": (32, 10_000),
    "max_length": (32, 10_000),
    "truncate_length": (0, 10_000),
    "minsize": (1, 1_000_000),
    "alpha": (0.5, 10.0),
    "confidence": (0.0, 1.0),
}


def parse_settings(given: Mapping[str, Any], source: str) -> Settings:
    """Settings from a manifest's parameters or a command line; `source` names the place in error messages."""
    known = {field.name: type(field.default) for field in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BadInput(f"{source}: unknown parameter {', '.join(unknown)}; known parameters: {', '.join(known)}")
    values = {name: _convert(source, name, known[name], value) for name, value in given.items() if value is not None}
    settings = Settings(**values)
    if settings.min_length > settings.max_length:
        raise BadInput(f"{source}: min_length {settings.min_length} is above max_length {settings.max_length}")
    if bool(settings.forward_primer) != bool(settings.reverse_primer):
        missing = "reverse_primer" if settings.forward_primer else "forward_primer"
        raise BadInput(f"{source}: {missing} is empty; give both primers, or neither when the reads carry none")
    return settings


def _convert(source: str, name: str, kind: type, value: Any) -> Any:
    """One value in its own type. Manifests carry strings, command lines too: both are accepted."""
    if kind is str:
        text = str(value)
        if name.endswith("_primer"):
            text = text.strip().upper().replace("U", "T").replace("I", "N")
            if not IUPAC.fullmatch(text) or 0 < len(text) < 8:
                raise BadInput(f"{source}: {name} {value!r} is not a primer: 8 or more IUPAC nucleotide letters")
        return text
    if kind is not str and isinstance(value, str) and not value.strip():
        return next(field.default for field in fields(Settings) if field.name == name)
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise BadInput(f"{source}: {name} {value!r} is not a number of type {kind.__name__}") from None
    low, high = LIMITS[name]
    if not low <= number <= high:
        raise BadInput(f"{source}: {name} {value!r} is out of range; allowed {low:g} to {high:g}")
    return number
