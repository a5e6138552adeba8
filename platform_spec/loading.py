"""TOML file in, frozen model out; what does not fit comes back as one SpecError with all problems of the file."""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from platform_spec.errors import Problem, SpecError, closest


class Spec(BaseModel):
    """Base of everything that is read from a file: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Finding(typing.NamedTuple):
    """A problem found by a validator; the loader adds the file. `key` is relative to the validated model."""

    key: str
    value: object
    what: str
    allowed: str
    fix: str


def refuse(findings: list[Finding]) -> None:
    """Raise what a validator found, all of it: pydantic alone would carry only the first."""
    if findings:
        text = "; ".join(finding.what for finding in findings).replace("{", "(").replace("}", ")")
        raise PydanticCustomError("tasklane", text, {"findings": findings})


def load[S: Spec](model: type[S], path: Path, root: Path, **given: object) -> S:
    """Read one TOML file. `given` are fields that come from outside the file, such as the name of its folder."""
    file = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(
            [Problem(file, "", None, f"not valid TOML ({error})", "", "correct the syntax there")]
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise SpecError([Problem(file, "", None, f"cannot be read ({reason})", "", f"make {path} readable")]) from None
    taken = [Problem(file, key, data[key], "cannot be set here", "", "remove the key") for key in given if key in data]
    try:
        result = check(model, {**data, **given}, file, hidden=set(given))
    except SpecError as error:
        raise SpecError([*taken, *error.problems]) from None
    if taken:
        raise SpecError(taken)
    return result


def check[S: Spec](
    model: type[S], data: Mapping[str, object], file: str, *, under: str = "", hidden: Set[str] = frozenset()
) -> S:
    """The model of `data`. Problems name `file` and keys below its table `under`; `hidden` keys are not offered."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = _translate(model, file, error, hidden)
        raise SpecError([replace(p, key=".".join(filter(None, (under, p.key)))) for p in problems]) from None


def _translate(model: type[BaseModel], file: str, error: ValidationError, hidden: Set[str]) -> Iterator[Problem]:
    for details in error.errors(include_url=False):
        location = [part for part in details["loc"] if part != "[key]"]
        key = ".".join(str(part) for part in location)
        if details["type"] == "tasklane":
            for finding in details["ctx"]["findings"]:
                full = ".".join(part for part in (key, finding.key) if part)
                yield Problem(file, full, finding.value, finding.what, finding.allowed, finding.fix)
        else:
            yield _standard_problem(model, file, key, location, details, hidden)


def _standard_problem(
    model: type[BaseModel], file: str, key: str, location: list[int | str], details: ErrorDetails, hidden: Set[str]
) -> Problem:
    """One of pydantic's own findings in our words; the allowed values come from the field's description."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        parent = _model_at(model, location[:-1])
        known = sorted(set(parent.model_fields) - hidden) if parent else []
        meant = closest(str(location[-1]), known)
        fix = f"did you mean {meant}?" if meant else "remove the key"
        return Problem(file, key, details["input"], "unknown key", ", ".join(known), fix)
    field = _field_at(model, location)
    allowed = (field.description if field else None) or str(context.get("expected", ""))
    example = f"for example {key} = {field.examples[0]}" if field and field.examples else ""
    if kind == "missing":
        return Problem(file, key, None, "is missing", allowed, example or f"add {key}")
    if kind == "literal_error":
        values = list(typing.get_args(field.annotation)) if field else []
        allowed = ", ".join(str(value) for value in values) or allowed
        return Problem(file, key, details["input"], "not an allowed value", allowed, f"use {_nearest(details, values)}")
    what = details["msg"][0].lower() + details["msg"][1:]
    return Problem(file, key, details["input"], what, allowed, example or "use an allowed value")


def _nearest(details: ErrorDetails, values: list[Any]) -> Any:
    found = details["input"]
    if isinstance(found, int) and values and isinstance(values[0], int):
        return min(values, key=lambda value: abs(value - found))
    return closest(str(found), [str(value) for value in values]) or (values[0] if values else "an allowed value")


def _field_at(model: type[BaseModel], location: list[int | str]) -> FieldInfo | None:
    """The field a location points to, or the one that contains it (an element of a list, a value of a table)."""
    for depth in range(len(location), 0, -1):
        parent = _model_at(model, location[: depth - 1])
        if parent and location[depth - 1] in parent.model_fields:
            return parent.model_fields[str(location[depth - 1])]
    return None


def _model_at(model: type[BaseModel], location: list[int | str]) -> type[BaseModel] | None:
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        else:
            arguments = typing.get_args(here)
            here = arguments[-1] if arguments else None
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None
