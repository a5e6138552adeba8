"""Options that commands share, and how they speak: people read standard error, programs standard output."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Env = Annotated[str, typer.Option("--env", help="A file name of environments/, without .toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and change nothing.")]
err = Console(stderr=True, highlight=False)
# Nobody looks at a pipe's width: a line a row, so that it can be searched.
_wide = Console(stderr=True, highlight=False, width=400)


def say(line: str) -> None:
    """One line of progress."""
    err.print(line, markup=False, soft_wrap=True)


def show_json(result: Any) -> None:
    print(json.dumps(result, indent=2, default=str))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """A table for people; `empty` when there is no row."""
    if not rows:
        say(empty)
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # a name that is cut off is no name
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    (err if err.is_terminal else _wide).print(table)
