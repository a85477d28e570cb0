"""Reads objects directly from a pack file: every delta is applied once, to a base that is kept only as long as needed.

The layout is that of git's Documentation/gitformat-pack.txt, version 2 of packs and of indexes. Unusual objects
(another version, a base referenced by its object ID, a damaged or very large object) are left to git.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from array import array
from bisect import bisect_left
from itertools import compress
from operator import lt
from typing import TYPE_CHECKING

from dulwich.errors import ApplyDeltaError

from credguard.git import object_hashes
from credguard.git.inflate import inflate
from credguard.system.compat import make_reader

try:
    from dulwich._pack import apply_delta  # only the compiled part, which loads four times as fast
except ImportError:
    from dulwich.pack import apply_delta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

LARGEST_OBJECT = 1 << 23
"""Larger objects are left to git, so that only a few of this size are in memory at once."""
TREE = 2
OBJECT_TYPES = ("", "commit", "tree", "blob", "tag")
"""The types of objects by their numbers in packs."""
_OFFSET_DELTA = 6
_WHOLE = bytes(1 <= kind <= 4 for kind in range(256))
_DUE, _GIVEN, _HASHED, _FIRST, _FURTHER, _MATCHING, _MISNAMED = range(7)
"""The state of an object: to be returned; returned; to be hashed and returned; the same, and other packs have one of
this name too; to be hashed, because another pack returns it; hashed, and the same one; its hash does not match its
name, and it was returned."""
_IS_LEFT = bytes(state in (_DUE, _HASHED, _FIRST) for state in range(256))
_IS_MISNAMED = bytes(state == _MISNAMED for state in range(256))
_INDEX_MAGIC = b"\xfftOc\0\0\0\2"
_PACK_MAGIC = b"PACK\0\0\0\2"
_REVERSE = 12
"""Bytes before the numbers of a reverse index."""
_FAN = len(_INDEX_MAGIC) + 4 * 255
_NAMES = _FAN + 4
_LONG = 1 << 31
_PIECE = 1 << 22
_SHARE = 2_000
_TABLE = 600_000
_HEAD = 32
"""The most bytes of an object's header: its type and size, and the offset of its base."""


class PackError(Exception):
    """A pack or its index has an unsupported format."""


class Pack:
    """One pack with its index. Objects are numbered in the order of the file."""

    def __init__(self, index: Path, width: int, *, hashed: bool = False) -> None:
        """Reads the index; IDs have `width` bytes; with `hashed`, hashes every object. Raises PackError and OSError."""
        self.index = index
        self._width = width
        data = index.read_bytes()
        self.names, offsets = _parse_index(data, width)
        self._places, self._offsets = _sort_offsets(offsets, index)
        self._kinds = _allocate_shared(len(offsets))
        self._states = _allocate_shared(len(offsets), _HASHED if hashed else _DUE)
        self._is_whole = _allocate_shared(1, object_hashes.ends_with_checksum(data, width))
        self._checksum = data[-2 * width : -width]
        self._numbers: array[int] | None = None
        self._file = index.with_suffix(".pack").open("rb", buffering=0)
        self._read = make_reader(self._file.fileno())
        try:
            size = os.fstat(self._file.fileno()).st_size - width
            if self._offsets and self._offsets[-1] >= size:
                raise PackError("an index with offsets after the pack's end")
            self._offsets.append(max(size, 0))
            if self._read(len(_PACK_MAGIC), 0) != _PACK_MAGIC:
                raise PackError("no pack of version 2")
            self._starts, bases = self._read_heads()
        except BaseException:
            self._file.close()
            raise
        self._first, self._following, self._weight = _link_families(bases)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def is_whole(self) -> bool:
        """False if the pack or its index does not match its own checksum; after `check`."""
        return bool(self._is_whole[0])

    def check(self) -> None:
        """Reads the file once, and compares it with its checksum and the one in the index."""
        size = self._offsets[-1]
        if self._read(self._width, size) != self._checksum or not object_hashes.has_checksum(
            self._read, size, self._width
        ):
            self._is_whole[0] = 0

    def share(self, place: int, *, first: bool) -> None:
        """Another pack has an object with the name at index `place` of `names` too; it is returned only from the first
        pack, and from others if it differs."""
        if self._numbers is None:
            self._numbers = array("I", sorted(range(len(self)), key=self._places.__getitem__))
        self._states[self._numbers[place]] = _FIRST if first else _FURTHER

    def identify_object(self, number: int) -> tuple[str, str]:
        """The type of an object that was returned, and its ID in hex."""
        return OBJECT_TYPES[self._kinds[number]], self._get_oid(number)

    def _get_oid(self, number: int) -> str:
        start = self._places[number] * self._width
        return self.names[start : start + self._width].hex()

    def iter_unread(self) -> Iterator[str]:
        """The IDs of the objects that were not returned, in the order of the file."""
        return self._those(_IS_LEFT)

    def misnamed(self) -> Iterator[str]:
        """The IDs under which other objects than theirs were returned."""
        return self._those(_IS_MISNAMED)

    @property
    def is_unsettled(self) -> bool:
        """True if objects that other packs have too were left unread: it is unknown whether they are the same."""
        return any(self._states.find(bytes([state]), 0) >= 0 for state in (_FIRST, _FURTHER))

    def _those(self, flags: bytes) -> Iterator[str]:
        return map(self._get_oid, compress(range(len(self)), self._states[: len(self)].translate(flags)))

    def iter_families(self) -> Iterator[list[int]]:
        """The objects that are not deltas, in lists of about the same amount of work; none is empty."""
        family: list[int] = []
        work = 0
        for root in compress(range(len(self)), self._kinds[:].translate(_WHOLE)):
            family.append(root)
            work += self._weight[root]
            if work >= _SHARE:
                yield family
                family, work = [], 0
        if family:
            yield family

    def iter_objects(self, roots: Iterable[int], limit: int) -> Iterator[tuple[int, int, bytes]]:
        """Type, number and content of these objects and of all deltas based on them, if they have at most `limit` bytes
        and can be read here; raises OSError.

        Among the deltas of one object, the one with the fewest deltas of its own comes first. So their base is released
        before those of the last one are read, and few objects are in memory however long a chain is.
        """
        kinds, states, offsets, starts = self._kinds, self._states, self._offsets, self._starts
        first, following, weight, read = self._first, self._following, self._weight, self._read
        for root in roots:
            kind, stack = kinds[root], [(root, b"")]
            while stack:
                number, base = stack.pop()
                start = starts[number]
                content = inflate(read(min(offsets[number + 1] - start, 2 * LARGEST_OBJECT), start), LARGEST_OBJECT)
                if number != root and content is not None:
                    content = _apply_delta(base, content)
                if content is None:
                    continue
                if len(content) > limit:
                    pass
                elif not states[number]:
                    kinds[number], states[number] = kind, _GIVEN
                    yield kind, number, content
                elif self._is_due(kind, number, content):
                    kinds[number] = kind
                    yield kind, number, content
                child = first[number]
                if child >= 0 > following[child]:
                    stack.append((child, content))
                elif child >= 0:
                    children = [child]
                    while (child := following[child]) >= 0:
                        children.append(child)
                    children.sort(key=weight.__getitem__, reverse=True)
                    stack += [(child, content) for child in children]

    def _is_due(self, kind: int, number: int, content: bytes) -> bool:
        """Hashes the object if required; True for an object to be returned. Its state is then set."""
        state, states = self._states[number], self._states
        if state not in (_HASHED, _FIRST, _FURTHER):
            return False
        if object_hashes.object_id(OBJECT_TYPES[kind], content, self._width).hex() != self._get_oid(number):
            states[number] = _MISNAMED
            return True
        states[number] = _MATCHING if state == _FURTHER else _GIVEN
        return state != _FURTHER

    def _read_heads(self) -> tuple[array[int], array[int]]:
        """The start of the compressed bytes of each object, and the number of its base, or -1. Types are recorded."""
        offsets, kinds = self._offsets, self._kinds
        count = len(self)
        place = _make_finder(offsets)
        starts, bases = array("Q", bytes(8 * count)), array("i", [-1]) * count
        low = high = 0
        window = b""
        for number in range(count):
            offset = offsets[number]
            if offset + _HEAD > high:
                window, low = self._read(_PIECE, offset), offset
                high = low + len(window)
                window += bytes(_HEAD)
            at = offset - low
            byte = window[at]
            at += 1
            kind = byte >> 4 & 7
            while byte & 128:
                byte = window[at]
                at += 1
            if kind == _OFFSET_DELTA:
                byte = window[at]
                at += 1
                back = byte & 127
                while byte & 128:
                    byte = window[at]
                    at += 1
                    back = (back + 1) << 7 | byte & 127
                base = place(offset - back)
                if base is None or base >= number:
                    continue
                bases[number] = base
            kinds[number] = kind
            starts[number] = low + at
        return starts, bases


def _make_finder(offsets: array[int]) -> Callable[[int], int | None]:
    """Returns the number of the object at an offset: with a table if memory allows."""
    if len(offsets) <= _TABLE:
        return dict(zip(offsets, range(len(offsets)), strict=True)).get

    def find_number(offset: int) -> int | None:
        number = bisect_left(offsets, offset)
        return number if number < len(offsets) and offsets[number] == offset else None

    return find_number


def _allocate_shared(size: int, value: int = 0) -> mmap.mmap:
    """This many bytes of this value, shared with processes that are forked from this one."""
    shared = mmap.mmap(-1, max(size, 1))
    if value:
        shared.write(bytes([value]) * max(size, 1))
    return shared


def _parse_index(data: bytes, width: int) -> tuple[bytes, array[int]]:
    """The object IDs, and the offset of each in the pack."""
    if data[: len(_INDEX_MAGIC)] != _INDEX_MAGIC:
        raise PackError("no index of version 2")
    count = int.from_bytes(data[_FAN:_NAMES], "big")
    short = _NAMES + count * (width + 4)
    end = short + count * 4
    offsets = _parse_numbers("I", data[short:end])
    long = _parse_numbers("Q", data[end : max(end, len(data) - 2 * width)])
    try:
        found = array("Q", [long[one - _LONG] if one >= _LONG else one for one in offsets])
    except IndexError:
        raise PackError("a truncated index") from None
    if len(found) != count:
        raise PackError("a truncated index")
    return data[_NAMES : _NAMES + count * width], found


def _sort_offsets(offsets: array[int], index: Path) -> tuple[array[int], array[int]]:
    """The positions in the index in the order of the pack, and the ascending offsets: from the reverse index if it is
    valid, because sorting takes longer."""
    count = len(offsets)
    with contextlib.suppress(OSError):
        with index.with_suffix(".rev").open("rb") as file:
            places = _parse_numbers("I", file.read(_REVERSE + 4 * count)[_REVERSE:])
        if len(places) == count and max(places, default=0) < max(count, 1):
            ascending = array("Q", map(offsets.__getitem__, places))
            if all(map(lt, ascending, ascending[1:])):
                return places, ascending
    # The offset and the position in the index as one number: they sort faster than pairs.
    pairs = sorted([offset << 32 | place for place, offset in enumerate(offsets)])
    return array("I", [pair & 0xFFFFFFFF for pair in pairs]), array("Q", [pair >> 32 for pair in pairs])


def _parse_numbers(code: str, data: bytes) -> array[int]:
    numbers = array(code, data[: len(data) // array(code).itemsize * array(code).itemsize])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _link_families(bases: array[int]) -> tuple[array[int], array[int], array[int]]:
    """For each object its first delta, the next delta of the same base (-1 for none), and the total number of its
    deltas, including itself."""
    count = len(bases)
    first, following, weight = array("i", [-1]) * count, array("i", [-1]) * count, array("I", [1]) * count
    for number in range(count - 1, -1, -1):  # a delta comes after its base
        base = bases[number]
        if base >= 0:
            weight[base] += weight[number]
            following[number] = first[base]
            first[base] = number
    return first, following, weight


def _apply_delta(base: bytes, delta: bytes) -> bytes | None:
    """The object that a delta makes from its base; None if it does not match or is over LARGEST."""
    try:
        at = 0
        while delta[at] & 128:  # the size of the base
            at += 1
        size = shift = 0
        while (byte := delta[at := at + 1]) & 128:
            size |= (byte & 127) << shift
            shift += 7
        if size | byte << shift > LARGEST_OBJECT:
            return None
        return b"".join(apply_delta(base, delta))
    except (ApplyDeltaError, IndexError):
        return None
