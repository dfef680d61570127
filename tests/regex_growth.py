"""Whether the work of a regular expression can grow faster than the text: decided from its form, with no clock.

Python's engine tries one way of matching after the other. A text that fails costs as many steps as there are ways to
read it, and those are the paths of an automaton. They grow with a power of the length or worse just where a loop can be
left at several places for another loop on the same text, or be gone round in two ways (Weber and Seidl, "On the degree
of ambiguity of finite automata", 1991: IDA and EDA).

What is not modelled errs towards "may grow": word boundaries and look-behinds hold everywhere, a look-ahead costs and
always holds, possessive and atomic groups give back what they took, a group is repeated as any text, and very many
repetitions are as good as any number.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from re import _constants as op
from re import _parser as parser
from typing import Any

_MANY = 65  # repetitions from here on are as good as any number
_END = "end of text"
_SAMPLES = "a1_ \n-é٣ \u2028"
_CATEGORIES = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda sign: sign.isalnum() or sign == "_",
}
_NEGATED = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}


def may_grow(pattern: str, flags: int = 0, method: str = "search") -> bool:
    """Whether a text can cost more than a number of steps in proportion to its length, with this method of a pattern.

    Raises:
        NotImplementedError: the pattern holds what is not modelled.
    """
    automaton = _Automaton.of(pattern, flags, method)
    loops = automaton.loops()
    if _is_twofold(automaton, loops):
        return True
    return any(_is_left_anywhere(automaton, loops, p, q) for p, q in itertools.permutations(loops, 2))


def may_explode(pattern: str, flags: int = 0, method: str = "search") -> bool:
    """Whether a text can cost exponentially many steps, with this method of a pattern: a loop that can be gone round in
    two ways on the same text.

    Raises:
        NotImplementedError: the pattern holds what is not modelled.
    """
    automaton = _Automaton.of(pattern, flags, method)
    loops = automaton.loops()
    if _is_twofold(automaton, loops):
        return True
    return any(_has_two_ways_round(automaton, loop) for loop in set(loops.values()))


@dataclass
class _Automaton:
    """Places that read one sign of the text; `ways` says in how many ways one place follows another without reading."""

    signs: dict[int, frozenset[str]]
    ways: Counter[tuple[int, int]]
    after: dict[int, set[int]]

    @classmethod
    def of(cls, pattern: str, flags: int, method: str) -> _Automaton:
        parsed = parser.parse(pattern, flags)
        builder = _Builder(_alphabet(parsed), parsed.state.flags)
        first = builder.new()
        done = builder.new()
        starts = [first]
        builder.build(parsed, first, builder.ending(done, method == "fullmatch"))
        if method not in ("match", "fullmatch"):  # a text is tried from each of its places
            later = builder.new()
            gone = builder.reads(builder.alphabet)
            builder.free[first].append(gone)
            builder.free[gone] += [gone, later]
            builder.at_the_beginning = False
            builder.build(parsed, later, builder.ending(done, False))
        return _without_free_moves(builder, starts, done)

    def loops(self) -> dict[int, frozenset[int]]:
        """Each place that can come again, with all that lie on the way."""
        reach = {place: self._reached(place) for place in self.signs}
        return {
            place: frozenset(other for other in reach[place] if place in reach[other])
            for place in self.signs
            if place in reach[place]
        }

    def _reached(self, start: int) -> set[int]:
        seen: set[int] = set()
        todo = [start]
        while todo:
            for following in self.after[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        return seen


def _is_twofold(automaton: _Automaton, loops: dict[int, frozenset[int]]) -> bool:
    """Whether, within a loop, one place follows another in two ways without reading anything."""
    return any(times > 1 and after in loops.get(before, ()) for (before, after), times in automaton.ways.items())


def _has_two_ways_round(automaton: _Automaton, loop: frozenset[int]) -> bool:
    """Whether one text leads round this loop by way of two different places at a time."""
    back: dict[int, set[int]] = {place: set() for place in loop}
    for place in loop:
        for following in automaton.after[place] & loop:
            back[following].add(place)
    same = [(place, place) for place in loop]
    there = _pairs(same, {place: automaton.after[place] & loop for place in loop}, automaton.signs)
    return any(a != b for a, b in there & _pairs(same, back, automaton.signs))


def _pairs(
    start: Iterable[tuple[int, int]], following: dict[int, set[int]], signs: dict[int, frozenset[str]]
) -> set[tuple[int, int]]:
    """The pairs of places that one text leads to from these, where both read."""
    seen = set(start)
    todo = list(seen)
    while todo:
        a, b = todo.pop()
        for pair in itertools.product(following[a], following[b]):
            if pair not in seen and signs[pair[0]] & signs[pair[1]]:
                seen.add(pair)
                todo.append(pair)
    return seen


def _is_left_anywhere(automaton: _Automaton, loops: dict[int, frozenset[int]], p: int, q: int) -> bool:
    """Whether one text leads from p to p, from p to q, and from q to q."""
    after, signs = automaton.after, automaton.signs
    start, goal = (p, p, q), (p, q, q)
    seen = {start}
    todo = deque([start])
    while todo:
        a, b, c = todo.popleft()
        for following in itertools.product(after[a] & loops[p], after[b], after[c] & loops[q]):
            x, y, z = following
            if following not in seen and signs[x] & signs[y] & signs[z]:
                if following == goal:
                    return True
                seen.add(following)
                todo.append(following)
    return False


@dataclass
class _Builder:
    """Thompson's construction: states, free moves between them, and signs that some of them read."""

    alphabet: frozenset[str]
    flags: int
    free: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    read: dict[int, frozenset[str]] = field(default_factory=dict)
    number: Iterator[int] = field(default_factory=itertools.count)
    at_the_beginning: bool = True

    def new(self) -> int:
        return next(self.number)

    def reads(self, signs: Iterable[str]) -> int:
        """A state that is entered by reading one of these."""
        state = self.new()
        self.read[state] = frozenset(signs)
        return state

    def ending(self, done: int, only_at_the_end: bool) -> int:
        if not only_at_the_end:
            return done
        last = self.new()
        end = self.reads([_END])
        self.free[last].append(end)
        self.free[end].append(done)
        return last

    def build(self, items: Any, start: int, stop: int) -> None:
        """Add what leads from start to stop."""
        for kind, value in items:
            following = self.new()
            self._add(kind, value, start, following)
            start = following
        self.free[start].append(stop)

    def _add(self, kind: Any, value: Any, start: int, stop: int) -> None:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            state = self.reads(_signs(kind, value, self.alphabet, self.flags))
            self.free[start].append(state)
            self.free[state].append(stop)
        elif kind is op.BRANCH:
            for branch in value[1]:
                self.build(branch, start, stop)
        elif kind is op.SUBPATTERN:
            self.build(value[3], start, stop)
        elif kind is op.ATOMIC_GROUP:
            self.build(value, start, stop)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            self._repeat(*value, start, stop)
        elif kind is op.AT:
            self._at(value, start, stop)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            if value[0] > 0:
                self.build(value[1], start, self.new())
            self.free[start].append(stop)
        elif kind is op.GROUPREF:  # whatever the group may have read
            state = self.reads(self.alphabet)
            self.free[start] += [state, stop]
            self.free[state] += [state, stop]
        else:
            raise NotImplementedError(f"{kind} is not modelled")

    def _repeat(self, least: int, most: int, items: Any, start: int, stop: int) -> None:
        for _ in range(min(least, _MANY)):
            following = self.new()
            self.build(items, start, following)
            start = following
        if most >= _MANY:
            again = self.new()
            self.free[start].append(again)
            self.build(items, again, again)
            self.free[again].append(stop)
            return
        for _ in range(most - least):
            following = self.new()
            self.build(items, start, following)
            self.free[start].append(stop)
            start = following
        self.free[start].append(stop)

    def _at(self, where: Any, start: int, stop: int) -> None:
        is_beginning = where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING)
        if where in (op.AT_END, op.AT_END_STRING) and not self.flags & re.MULTILINE:
            end = self.reads([_END])
            self.free[start].append(end)
            self.free[end].append(stop)
        elif not is_beginning or self.at_the_beginning or self.flags & re.MULTILINE:
            self.free[start].append(stop)


def _without_free_moves(builder: _Builder, starts: list[int], done: int) -> _Automaton:
    """Places and ways of the states that can be on the way of a failure: where a match is found, no more is tried."""
    ways: Counter[tuple[int, int]] = Counter()
    places = [*starts, *builder.read]
    succeed = set()
    for place in places:
        for following in _free_ways(builder, place):
            if following == done:
                succeed.add(place)
            else:
                ways[place, following] += 1
    signs = {place: builder.read.get(place, frozenset()) for place in places if place not in succeed}
    kept = Counter({(a, b): times for (a, b), times in ways.items() if a in signs and b in signs})
    after: dict[int, set[int]] = {place: set() for place in signs}
    for a, b in kept:
        after[a].add(b)
    return _Automaton(signs, kept, after)


def _free_ways(builder: _Builder, place: int) -> Iterator[int]:
    """What is read next, or the end, once for each way of free moves that makes none of them twice."""
    todo = [(place, frozenset[tuple[int, int]]())]
    while todo:
        state, made = todo.pop()
        for following in builder.free.get(state, ()):
            if following in builder.read or not builder.free.get(following):
                yield following
            elif (state, following) not in made:
                todo.append((following, made | {(state, following)}))


def _alphabet(items: Any) -> frozenset[str]:
    """Signs enough to tell all sets of the pattern apart: their edges, and some of each category."""
    found = set(_SAMPLES)
    for code in _codes(items):
        for near in (code - 1, code, code + 1):
            if 0 <= near <= 0x10FFFF:
                found.update((chr(near), chr(near).swapcase()[0]))
    return frozenset(found)


def _codes(value: Any) -> Iterator[int]:
    if isinstance(value, parser.SubPattern | list | tuple):
        for part in value:
            yield from _codes(part)
    elif isinstance(value, int) and not isinstance(value, op._NamedIntConstant) and value <= 0x10FFFF:
        yield value


def _signs(kind: Any, value: Any, alphabet: frozenset[str], flags: int) -> frozenset[str]:
    """Those of the alphabet that this item reads."""
    if kind is op.ANY:
        return alphabet if flags & re.DOTALL else alphabet - {"\n"}
    listed = [(kind, value)] if kind is not op.IN else value
    if kind is op.NOT_LITERAL:
        listed = [(op.NEGATE, None), (op.LITERAL, value)]
    negated = bool(listed) and listed[0][0] is op.NEGATE
    inside = {sign for sign in alphabet if any(_holds(each, sign, flags) for each in listed)}
    return alphabet - inside if negated else frozenset(inside)


def _holds(item: Any, sign: str, flags: int) -> bool:
    kind, value = item
    if kind is op.CATEGORY:
        return _CATEGORIES[value](sign) if value in _CATEGORIES else not _CATEGORIES[_NEGATED[value]](sign)
    cased = {sign, sign.lower(), sign.upper()} if flags & re.IGNORECASE else {sign}
    codes = [ord(each) for each in cased if len(each) == 1]
    if kind is op.LITERAL:
        return value in codes
    return kind is op.RANGE and any(value[0] <= code <= value[1] for code in codes)
