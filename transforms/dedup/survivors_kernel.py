"""The kernels of `choose_survivors`: numbering documents, entering them into lists, and the choice itself.

All documents of this file are standing ones: those that represent themselves. `entries` holds, for one numbered
document after the other, the slots in `lists` where the lists of its buckets begin. A list holds the numbers,
plus one, of the kept documents of a bucket; 0 is a free slot.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel

MAX_SLOTS = (1 << 32) - 1
"""The most slots of all lists: a slot is a uint32, and the largest one means "none"."""
MAX_NUMBERED = (1 << 31) - 1
"""The most documents in buckets: a number, plus one, leaves a bit of a uint32 free."""
NONE = np.uint32(MAX_SLOTS)

_CLOSED = np.uint32(1 << 31)  # marks the last slot of a list that needs no cap
_OCCUPANT = np.uint32((1 << 31) - 1)
_OVERFULL, _MET = np.uint32(1), np.uint32(2)  # states of a bucket with more kept documents than the cap
_BLOCK = 128


@inline_kernel
def _equal_bytes(one: npt.NDArray[np.uint8], left: np.int64, other: npt.NDArray[np.uint8], right: np.int64) -> np.int64:
    width = one.shape[1]
    blocks = width // _BLOCK
    equal = np.int64(0)
    for block in range(blocks):
        # A block's count fits in a byte, so that it is summed in vectors of bytes.
        count = np.uint8(0)
        for k in range(block * _BLOCK, block * _BLOCK + _BLOCK):
            count = np.uint8(count + np.uint8(one[left, k] == other[right, k]))
        equal += np.int64(count)
    for k in range(blocks * _BLOCK, width):
        equal += np.int64(one[left, k] == other[right, k])
    return equal


@kernel
def equal_between(
    one: npt.NDArray[np.uint8],
    other: npt.NDArray[np.uint8],
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The equal bytes of the sketches in row `left[k]` of the one matrix and row `right[k]` of the other."""
    equal = np.empty(len(left), np.int64)
    for k in range(len(left)):
        equal[k] = _equal_bytes(one, left[k], other, right[k])
    return equal


@kernel
def first_fault(order: npt.NDArray[np.uint32], representative: npt.NDArray[np.uint32]) -> int:
    """The first place in `order` with a document twice or misrepresented; -1 if all is well."""
    seen = np.zeros(len(order), np.bool_)
    for place in range(len(order)):
        document = order[place]
        if document >= len(order) or seen[document]:
            return place
        seen[document] = True
        stands_for = representative[document]
        # Having been seen says that it comes first; the order holds every document, so it also exists.
        if stands_for >= len(order) or not seen[stands_for] or representative[stands_for] != stands_for:
            return place
    return -1


@inline_kernel
def _count_standing(
    members: npt.NDArray[np.uint32], begin: np.int64, end: np.int64, stands: npt.NDArray[np.bool_]
) -> np.int64:
    count = np.int64(0)
    for k in range(begin, end):
        count += np.int64(stands[members[k]])
    return count


@inline_kernel
def _slots_of(size: np.int64, cap: int) -> np.int64:
    """Slots of the list of a bucket with `size` members.

    The last one in order need not be listed, as nobody comes after it. If the others are more than the cap, one
    more slot holds the state of the bucket.
    """
    return min(size - 1, np.int64(cap) + 1)


@kernel
def count_memberships(
    members: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stands: npt.NDArray[np.bool_],
    cap: int,
    degree: npt.NDArray[np.uint32],
) -> np.int64:
    """Add one to the degree of each standing document per bucket with another one; return the lists' slots."""
    slots = np.int64(0)
    for bucket in range(len(starts) - 1):
        begin, end = starts[bucket], starts[bucket + 1]
        size = _count_standing(members, begin, end, stands)
        if size < 2:
            continue
        slots += _slots_of(size, cap)
        for k in range(begin, end):
            degree[members[k]] += np.uint32(stands[members[k]])
    return slots


@kernel
def number_documents(
    order: npt.NDArray[np.uint32], degree: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Number the documents in buckets by priority: the document and the first entry of each number."""
    total = np.int64(0)
    for document in range(len(degree)):
        total += np.int64(degree[document] > 0)
    documents = np.empty(total, np.uint32)
    first_entry = np.empty(total, np.int64)
    number = 0
    entries = np.int64(0)
    for k in range(len(order)):
        if degree[order[k]] > 0:
            documents[number] = order[k]
            first_entry[number] = entries
            entries += np.int64(degree[order[k]])
            number += 1
    return documents, first_entry


@kernel
def enter_band(
    members: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stands: npt.NDArray[np.bool_],
    documents: npt.NDArray[np.uint32],
    cap: int,
    slot: np.int64,
    slot_of: npt.NDArray[np.uint32],
    ends: npt.NDArray[np.int64],
    entries: npt.NDArray[np.uint32],
    lists: npt.NDArray[np.uint32],
) -> np.int64:
    """Give each bucket of a band its list, from `slot` on, and enter that slot for each of its members.

    `slot_of` is "none" everywhere before and after. By way of it, only one array is met at random places.
    """
    for bucket in range(len(starts) - 1):
        begin, end = starts[bucket], starts[bucket + 1]
        size = _count_standing(members, begin, end, stands)
        if size < 2:
            continue
        if size <= cap + 1:
            lists[slot + size - 2] = _CLOSED
        for k in range(begin, end):
            if stands[members[k]]:
                slot_of[members[k]] = slot
        slot += _slots_of(size, cap)
    for number in range(len(documents)):
        entered = slot_of[documents[number]]
        if entered != NONE:
            slot_of[documents[number]] = NONE
            entries[ends[number]] = entered
            ends[number] += 1
    return slot


@kernel
def choose(
    documents: npt.NDArray[np.uint32],
    ends: npt.NDArray[np.int64],
    entries: npt.NDArray[np.uint32],
    lists: npt.NDArray[np.uint32],
    cap: int,
    rows: npt.NDArray[np.int64],
    sketches: npt.NDArray[np.uint8],
    least_equal: int,
    similarities: npt.NDArray[np.float32],
    covered_by: npt.NDArray[np.uint32],
    similarity: npt.NDArray[np.float32],
) -> tuple[int, np.int64, np.int64]:
    """Write `covered_by` and `similarity` of the numbered documents that go.

    Returns the comparisons, the buckets in which one was left out, and the documents concerned.
    """
    most_entries = np.int64(0)
    for number in range(len(ends)):
        most_entries = max(most_entries, ends[number] - (ends[number - 1] if number else 0))
    slots = np.empty(most_entries, np.int64)
    met_by = np.zeros(len(documents), np.uint32)  # number, plus one, of the last document compared with each
    comparisons = 0
    capped_buckets = np.int64(0)
    capped_documents = np.int64(0)
    for number in range(len(documents)):
        begin = ends[number - 1] if number else np.int64(0)
        best = np.int64(-1)
        best_equal = np.int64(least_equal - 1)
        capped = False
        for entry in range(begin, ends[number]):
            slot = np.int64(entries[entry])
            stop = slot + cap
            closed = False
            while slot < stop and not closed:
                value = lists[slot]
                other = np.int64(value & _OCCUPANT) - 1
                if other < 0:
                    break
                if met_by[other] != number + 1:
                    met_by[other] = number + 1
                    comparisons += 1
                    equal = _equal_bytes(sketches, rows[number], sketches, rows[other])
                    if equal > best_equal or (equal == best_equal and other < best):
                        best = other
                        best_equal = equal
                closed = (value & _CLOSED) != 0
                slot += 1
            slots[entry - begin] = -1 if closed else slot
            if slot == stop and not closed and lists[slot] != 0:
                capped = True
                capped_buckets += np.int64(lists[slot] == _OVERFULL)
                lists[slot] = _MET
        capped_documents += np.int64(capped)
        if best >= 0:
            covered_by[documents[number]] = documents[best]
            similarity[documents[number]] = similarities[best_equal]
            continue
        for entry in range(begin, ends[number]):
            slot = slots[entry - begin]
            if slot == np.int64(entries[entry]) + cap:
                lists[slot] = max(lists[slot], _OVERFULL)
            elif slot >= 0:
                lists[slot] |= np.uint32(number + 1)
    return comparisons, capped_buckets, capped_documents


@kernel
def choose_in_graph(
    state: npt.NDArray[np.uint8],
    edge_starts: npt.NDArray[np.int64],
    edges: npt.NDArray[np.int64],
    edge_equal: npt.NDArray[np.int64],
    entry_starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int64],
    list_starts: npt.NDArray[np.int64],
    lists: npt.NDArray[np.int64],
    listed: npt.NDArray[np.int64],
    kept: npt.NDArray[np.int64],
    met: npt.NDArray[np.uint8],
    cap: int,
    rows: npt.NDArray[np.int64],
    sketches: npt.NDArray[np.uint8],
    least_equal: int,
    best_of: npt.NDArray[np.int64],
    equal_of: npt.NDArray[np.int64],
) -> tuple[int, np.int64, np.int64]:
    """The choice of `choose` on verified pairs and large buckets; documents are numbered by priority.

    `state` is 0 for a document to decide, 1 for a kept one and 2 for one that goes, and is written. The earlier
    neighbours of document d are `edges[edge_starts[d]:edge_starts[d + 1]]`, with their equal bytes; its large buckets
    stand in `entries` likewise. Of bucket b, `listed[b]` documents are listed from `lists[list_starts[b]]` on,
    `kept[b]` are kept, and `met[b]` says that one was left out. `best_of` and `equal_of` are written for those that go.

    Returns the comparisons, the buckets in which one was left out for the first time, and the documents concerned.
    """
    met_by = np.zeros(len(state), np.int64)
    comparisons = 0
    capped_buckets = np.int64(0)
    capped_documents = np.int64(0)
    for number in range(len(state)):
        if state[number] != 0:
            continue
        best = np.int64(-1)
        best_equal = np.int64(least_equal - 1)
        for k in range(edge_starts[number], edge_starts[number + 1]):
            other = edges[k]
            met_by[other] = number + 1
            if state[other] == 1 and (edge_equal[k] > best_equal or (edge_equal[k] == best_equal and other < best)):
                best = other
                best_equal = edge_equal[k]
        capped = False
        for entry in range(entry_starts[number], entry_starts[number + 1]):
            bucket = entries[entry]
            for k in range(list_starts[bucket], list_starts[bucket] + listed[bucket]):
                other = lists[k]
                if met_by[other] != number + 1:
                    met_by[other] = number + 1
                    comparisons += 1
                    equal = _equal_bytes(sketches, rows[number], sketches, rows[other])
                    if equal > best_equal or (equal == best_equal and other < best):
                        best = other
                        best_equal = equal
            if kept[bucket] > cap:
                capped = True
                capped_buckets += np.int64(met[bucket] == 0)
                met[bucket] = 1
        capped_documents += np.int64(capped)
        if best >= 0:
            state[number] = 2
            best_of[number] = best
            equal_of[number] = best_equal
            continue
        state[number] = 1
        for entry in range(entry_starts[number], entry_starts[number + 1]):
            bucket = entries[entry]
            if kept[bucket] < cap:
                lists[list_starts[bucket] + listed[bucket]] = number
                listed[bucket] += 1
            kept[bucket] += 1
    return comparisons, capped_buckets, capped_documents


@kernel
def cover_copies(
    representative: npt.NDArray[np.uint32],
    covered_by: npt.NDArray[np.uint32],
    similarity: npt.NDArray[np.float32],
    exact: npt.NDArray[np.bool_],
) -> None:
    """Let what covers its representative cover each document that has another one."""
    for document in range(len(representative)):
        stands_for = representative[document]
        if stands_for != document:
            covered_by[document] = covered_by[stands_for]
            similarity[document] = similarity[stands_for]
            exact[document] = covered_by[stands_for] == stands_for
