"""Templates that need nothing but the run's params: what can be rendered without a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

_JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
KNOWN = frozenset({"params", "run_id"})


def check(templates: Mapping[str, Any]) -> None:
    """ValueError for a template (in a string, list or dict) that only a worker can render."""
    for name, value in templates.items():
        for text in _texts(value):
            try:
                _compiled(text)  # knows Jinja's own filters only
                foreign = meta.find_undeclared_variables(_JINJA.parse(text)) - KNOWN
            except TemplateError as error:
                raise ValueError(f"{name}: {text!r} cannot be rendered without a worker: {error}") from error
            if foreign:
                raise ValueError(
                    f"{name}: {text!r} uses {', '.join(sorted(foreign))}; only params and run_id are known"
                )


def render(templates: Mapping[str, Any], params: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """The same, rendered."""
    return {name: _rendered(value, {"params": params, "run_id": run_id}) for name, value in templates.items()}


@lru_cache(maxsize=512)
def _compiled(text: str) -> Template:
    return _JINJA.from_string(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _rendered(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _compiled(value).render(known)
    if isinstance(value, Mapping):
        return {name: _rendered(part, known) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rendered(part, known) for part in value]
    return value
