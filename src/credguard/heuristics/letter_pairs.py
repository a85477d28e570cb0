"""How much letters look like words, by how often one letter follows another."""

from __future__ import annotations

from itertools import pairwise

from credguard.lazy_re import compile_lazily

_FREQUENCIES = (
    "46773461614868163878554352 86658522743854742775720150 83648308707632922648610041 75569453931544732673643140 "
    "74785553422768364886354641 75548830901721832746702060 73229367802657731874712042 93349023802555833657621052 "
    "65766660213669852677261405 84559444624224844282824222 64469553820636654285605052 83469422823833840166641070 "
    "86339220823563780063632031 73777583734435632388552041 55663552525779660866766331 82348236703821871867600040 "
    "62456445424622225542944252 83669451805565840677553060 62738417814544773379714050 72539327910533730776603061 "
    "67657460600778470888320210 83409023802223713332322030 83338237803507840774303300 63858315811451491348431751 "
    "66667451831677681586316155 82439222824544722345523256"
)
"""A group for each first letter, in it a digit for each second one: 9 for the usual pairs, 0 for those of no word.
Counted over 10,000 words that occur in the code, settings and pages of three or more of 34 public projects."""
_PAIRS = {first * 32 + second: int(_FREQUENCIES[27 * first + second]) for first in range(26) for second in range(26)}
_LETTERS = compile_lazily(rb"[A-Za-z]+")
_RARE = 3
_SHORTEST = 5
_FEW = 6
"""Up to so many letters, an unusual pair may be an abbreviation."""


def list_rare_pairs() -> bytes:
    """An expression for pairs that one word in ten has, and of values that are unreadable all but one in eighty."""
    groups = []
    for first in range(26):
        seconds = bytes(97 + second for second in range(26) if _PAIRS[first * 32 + second] <= _RARE)
        groups.append(b"%c[%s]" % (97 + first, seconds))
    return b"|".join(groups)


def measure_words(letters: bytes) -> float:
    """The mean frequency of the pairs in `letters` (at least two): of words about 7, of random letters about 4.5."""
    pairs = [_PAIRS[((first & 31) - 1) * 32 + (second & 31) - 1] for first, second in pairwise(letters)]
    return sum(pairs) / len(pairs)


def is_unreadable(value: bytes, limit: float = 5.8) -> bool:
    """True for a value whose letters, five or more, make no words.

    By default, one word in 40 is taken for unreadable, and of random letters one value in ten for a word (measured on
    words and values that the table was not made of).
    """
    runs = _LETTERS.findall(value)
    return any(_is_odd(run, limit) for run in (*runs, b"".join(runs)))


def _is_odd(letters: bytes, limit: float) -> bool:
    return len(letters) >= _SHORTEST and measure_words(letters) < (limit if len(letters) > _FEW else limit - 0.3)
