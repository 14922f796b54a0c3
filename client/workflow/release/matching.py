"""Which node of one version is which node of another, though ids, titles and values may have changed.

Two ways are tried: by id and type, as an artist's edits leave them; and by what a node is and what it is wired to,
which finds nodes again in a file whose ids were given anew. The one that leaves fewer differences is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence

from .semantics import Part, Piece, canonical, same

_ROUNDS = (24, 8, 3, 1, 0)  # how far around a node its surroundings are compared, from most to least
_MOST = 64  # nodes that look alike; of more, the order in the file decides
_MOST_GROUPS = 500  # of nodes that look alike; of more, the order in the file decides too

Pairs = Mapping[str, str]
"""The node ids of the newer version by those of the older one."""

_Key = Callable[[Piece], Hashable]


def match(before: Part, after: Part) -> Pairs:
    """Pair the nodes of two versions of a graph; only nodes of the same type are ever paired."""
    by_title: list[tuple[_Key, _Key]] = [(_title, _title), (_type, _type)]
    by_id = _Matcher(before, after).run([(_id, _id), *by_title])
    looks = list(zip(_surroundings(before), _surroundings(after), strict=True))
    by_shape = _Matcher(before, after).run([(_look(old), _look(new)) for old, new in looks] + by_title)
    return min(by_id, by_shape, key=lambda pairs: _differences(before, after, pairs))


def _id(piece: Piece) -> Hashable:
    return piece.id, piece.type


def _title(piece: Piece) -> Hashable:
    return piece.type, piece.title


def _type(piece: Piece) -> Hashable:
    return piece.type


def _look(texts: Mapping[str, str]) -> _Key:
    return lambda piece: texts[piece.id]


def _surroundings(part: Part) -> list[dict[str, str]]:
    """For each of ``_ROUNDS`` a text for every node that is the same where all is the same that many wires around it.

    This is colour refinement (Weisfeiler and Leman, 1968), with the names of inputs on the edges.
    """
    colours = {
        piece.id: _hash([piece.type, piece.title, piece.mode, canonical(piece.values), *sorted(piece.sources)])
        for piece in part.pieces.values()
    }
    users = _users(part)
    found = {0: colours}
    for number in range(1, max(_ROUNDS) + 1):
        colours = {
            piece.id: _hash(
                [
                    colours[piece.id],
                    *(f"<{name} {slot} {colours.get(id_, '')}" for name, (id_, slot) in sorted(piece.sources.items())),
                    *sorted(f">{name} {slot} {colours[user]}" for user, name, slot in users[piece.id]),
                ]
            )
            for piece in part.pieces.values()
        }
        found[number] = colours
    return [found[number] for number in _ROUNDS]


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode(errors="surrogatepass")).hexdigest()


def _users(part: Part) -> dict[str, list[tuple[str, str, int]]]:
    """What takes the outputs of each node: (node, input, output)."""
    users: dict[str, list[tuple[str, str, int]]] = {id_: [] for id_ in part.pieces}
    for piece in part.pieces.values():
        for name, (origin, slot) in piece.sources.items():
            if origin in users:
                users[origin].append((piece.id, name, slot))
    return users


class _Matcher:
    def __init__(self, before: Part, after: Part) -> None:
        self._before, self._after = before.pieces, after.pieces
        self._users = (_users(before), _users(after))
        self._pairs: dict[str, str] = {}
        self._taken: set[str] = set()

    def run(self, keys: Sequence[tuple[_Key, _Key]]) -> dict[str, str]:
        """Pair nodes that are alike by the first pair of keys, then by the next, and so on."""
        for old, new in keys:
            groups = self._groups(old, new)
            for olds, news in groups:
                if len(olds) == len(news) == 1:
                    self._pair(olds[0], news[0])
            self._untangle([group for group in groups if len(group[0]) > 1 or len(group[1]) > 1])
        return self._pairs

    def _groups(self, old: _Key, new: _Key) -> list[tuple[list[str], list[str]]]:
        """The nodes without a partner that are alike, where both sides have some."""
        groups: dict[Hashable, tuple[list[str], list[str]]] = {}
        for piece in self._before.values():
            if piece.id not in self._pairs:
                groups.setdefault((piece.type, old(piece)), ([], []))[0].append(piece.id)
        for piece in self._after.values():
            if piece.id not in self._taken:
                groups.setdefault((piece.type, new(piece)), ([], []))[1].append(piece.id)
        return [group for group in groups.values() if group[0] and group[1]]

    def _untangle(self, groups: list[tuple[list[str], list[str]]]) -> None:
        """Pair nodes that are alike by their neighbours: where none of those is paired yet, one pair is chosen."""
        for olds, news in groups:
            if len(olds) + len(news) > _MOST:
                for old, new in zip(olds, news, strict=False):
                    self._pair(old, new)
                news.clear()
        if len(groups) > _MOST_GROUPS:  # one pair at a time would take the square of their number
            for olds, news in groups:
                for old, new in zip(olds, news, strict=False):
                    self._pair(old, new)
            return
        while groups := [group for group in groups if group[0] and group[1]]:
            if not sum(self._pair_best(*group, least=1) for group in groups):
                self._pair_best(*groups[0], least=0)

    def _pair_best(self, olds: list[str], news: list[str], least: int) -> bool:
        """Pair the two that agree most, if that is at least so much; of equals those with one id, then the first."""
        ranks = [
            (self._agreement(old, new), old == new, -i, -j) for i, old in enumerate(olds) for j, new in enumerate(news)
        ]
        agreement, _, i, j = max(ranks)
        if agreement < least:
            return False
        self._pair(olds.pop(-i), news.pop(-j))
        return True

    def _agreement(self, old: str, new: str) -> int:
        """How many of two nodes' wires lead to nodes that are paired."""
        sources, others = self._before[old].sources, self._after[new].sources
        count = sum(
            name in others and (self._pairs.get(origin), slot) == others[name]
            for name, (origin, slot) in sources.items()
        )
        users = set(self._users[1][new])
        return count + sum((self._pairs.get(user, ""), name, slot) in users for user, name, slot in self._users[0][old])

    def _pair(self, old: str, new: str) -> None:
        self._pairs[old] = new
        self._taken.add(new)


def _differences(before: Part, after: Part, pairs: Pairs) -> int:
    """How much changes if these nodes are the same."""
    count = 2 * (len(before.pieces) - len(pairs)) + 2 * (len(after.pieces) - len(pairs))
    for old, new in ((before.pieces[old], after.pieces[new]) for old, new in pairs.items()):
        count += (old.title != new.title) + (old.mode != new.mode)
        count += sum(not same(old.values.get(n), new.values.get(n)) for n in {*old.values, *new.values})
        wires = {name: (pairs.get(origin, ""), slot) for name, (origin, slot) in old.sources.items()}
        count += sum(wires.get(name) != new.sources.get(name) for name in {*wires, *new.sources})
    return count
