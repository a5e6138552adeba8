"""How many batches, and which item goes into which: balanced, bounded, and little changed by one more item. Pure.

Each item has its own order of preference among the batches (jump consistent hash, Lamping and Veach 2014), and takes
the first with room (consistent hashing with bounded loads, Mirrokni et al. 2018). One more item therefore changes the
batch it goes to and the few that overflow because of it; a plain "largest to the emptiest" would change nearly all.
What finds no preferred place goes to the emptiest batch that the limits allow.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import ceil, log
from typing import NamedTuple

# A batch is filled by preference up to this multiple of the average, on a grid, so that the bound rarely moves.
SLACK, GRID = 1.12, 1.1
PREFERENCES = 12


class Load(NamedTuple):
    """What the balance sees of an item: its name, the bytes that are limited, and the weight that is balanced."""

    key: str
    bytes: int
    weight: float


class Room(NamedTuple):
    """Hard limits of one batch. An item larger than `bytes` travels alone."""

    items: int
    bytes: int


def batch_count(wanted: int) -> int:
    """`wanted` rounded up on a grid of at most an eighth, so that the number of batches rarely changes."""
    if wanted <= 8:
        return wanted
    step = 1 << (wanted.bit_length() - 4)
    return ceil(wanted / step) * step


def assign(loads: Sequence[Load], count: int, room: Room) -> list[list[Load]]:
    """Distribute `loads` over about `count` batches (more where `room` demands it), the heaviest batch first."""
    if not loads:
        return []
    batches: list[list[Load]] = [[] for _ in range(min(count, len(loads)))]
    placement = _Placement(batches, room, _bound(sum(x.weight for x in loads) / len(batches)), len(loads))
    for load in sorted(loads, key=lambda load: (-load.weight, _hash(load.key))):
        batches[placement.place_for(load)].append(load)
    filled = [sorted(batch, key=lambda load: load.key) for batch in batches if batch]
    return sorted(filled, key=lambda batch: (-sum(x.weight for x in batch), batch[0].key))


class _Placement:
    """The batches while they fill. `batches` grows when the limits leave no place."""

    def __init__(self, batches: list[list[Load]], room: Room, weight_bound: float, items: int) -> None:
        self._batches, self._room, self._weight_bound = batches, room, weight_bound
        self._item_bound = min(room.items, ceil(_bound(items / len(batches))))
        self._bytes = [0] * len(batches)
        self._weights = [0.0] * len(batches)
        self._hashed = len(batches)

    def place_for(self, load: Load) -> int:
        index = self._preferred(load)
        if index is None:
            index = self._emptiest(load)
        self._bytes[index] += load.bytes
        self._weights[index] += load.weight
        return index

    def _preferred(self, load: Load) -> int | None:
        for attempt in range(PREFERENCES):
            index = jump_hash(_hash(f"{load.key}\n{attempt}"), self._hashed)
            small = len(self._batches[index]) < self._item_bound
            light = self._weights[index] + load.weight <= self._weight_bound
            if small and light and self._fits(index, load):
                return index
        return None

    def _emptiest(self, load: Load) -> int:
        places = [index for index in range(len(self._batches)) if self._fits(index, load)]
        if not places:
            self._batches.append([])
            self._bytes.append(0)
            self._weights.append(0.0)
            return len(self._batches) - 1
        return min(places, key=lambda index: (self._weights[index], len(self._batches[index]), index))

    def _fits(self, index: int, load: Load) -> bool:
        batch = self._batches[index]
        return not batch or (len(batch) < self._room.items and self._bytes[index] + load.bytes <= self._room.bytes)


def jump_hash(key: int, buckets: int) -> int:
    """The bucket of a 64-bit `key`; with one bucket more, only 1/(buckets+1) of the keys move."""
    chosen, following = -1, 0
    while following < buckets:
        chosen = following
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        following = int((chosen + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return chosen


def _bound(average: float) -> float:
    if average <= 0:
        return 0.0
    return float(GRID ** ceil(log(SLACK * average) / log(GRID)))


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
