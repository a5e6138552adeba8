"""Made-up orders: seeded, with what real ones have (orders updated twice, cancelled ones, files of other columns)."""

import csv
import datetime as dt
import random
import tempfile
from pathlib import Path

import duckdb

CATEGORIES = ("books", "garden", "kitchen", "music", "toys")
COLUMNS = (
    "order_id BIGINT, customer_id BIGINT, category VARCHAR, amount_cents BIGINT, status VARCHAR, "
    "ordered_at TIMESTAMP, updated_at TIMESTAMP"
)


def orders_of(day: str, *, seed: int, orders: int) -> list[tuple[object, ...]]:
    """Rows as in COLUMNS. One order in twenty has a second, newer row; one in ten ends cancelled."""
    chance = random.Random(f"{seed} {day}")  # noqa: S311 (made-up data)
    start, rows = dt.datetime.fromisoformat(day), list[tuple[object, ...]]()
    for number in range(orders):
        ordered = start + dt.timedelta(seconds=chance.randrange(86_400))
        order = (
            seed * 10**12 + start.toordinal() * 10**6 + number,
            int(chance.paretovariate(1.2)),
            chance.choice(CATEGORIES),
        )
        amount, status = chance.randrange(100, 20_000), "cancelled" if chance.random() < 0.1 else "paid"
        if chance.random() < 0.05:
            rows.append((*order, amount + 500, "paid", ordered, ordered))
            ordered_again = ordered + dt.timedelta(minutes=10)
            rows.append((*order, amount, status, ordered, ordered_again))
        else:
            rows.append((*order, amount, status, ordered, ordered))
    return rows


def generate_orders(folder: Path, *, seed: int, orders: int, day: str) -> Path:
    """Write `orders-<day>-<seed>.parquet` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"orders-{day}-{seed}.parquet"
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as table, duckdb.connect() as database:
        csv.writer(table).writerows(orders_of(day, seed=seed, orders=orders))
        table.flush()
        database.execute(f"CREATE TABLE rows ({COLUMNS})")
        database.execute(f"COPY rows FROM '{table.name}' (FORMAT csv, HEADER false)")
        database.table("rows").write_parquet(str(target), compression="zstd")
    return target
