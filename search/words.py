"""Queries into weighted stems: question words dropped, names taken apart."""

import re

from search.schema import ANALYZER, clean

_LONGEST_QUERY = 4_000
"""Characters read; more would be a pasted log, whose first words say what it is."""
_MOST_TERMS = 48

_WORDS = """
a about after again all also although am an and any are as at be because been before being between both
but by can cannot could did didn do does doesn doing don done down during each else ever few for from
further get gets getting give go goes going got had has have having he her here hers him his how however
i if in instead into is isn it its itself just let like ll make makes many may me might mine more most
much must my myself need needs neither no nor not now of off often on once one only onto or other our
ours out over own per please quite rather re really s said same say says see shall she should since so
some someone something such t tell than that the their them then there these they thing things this those
though through to too under until up upon us use used uses using ve very want wanted wants was wasn way
we were what whatever when where whether which while who whom whose why will with within without won
would yes yet you your yours
"""
STOPWORDS = frozenset(_WORDS.split())
"""Words that a question is made of, whatever it asks for; in small letters, not stemmed."""

_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]{2,}|[A-Z]{2,}")
# Possessive quantifiers: these run over every word of every session, and must not try a word again from its middle.
_COMPOUND = re.compile(r"\b[A-Z]*+[a-z]++(?=[A-Z])[A-Za-z]*+\b")
_JOINED = re.compile(r"\b\w++(?:[./\\:#@~$-]++\w++)++|\b_*+[^\W_]++(?:_++[^\W_]++)++_*+|\b__\w++")
_LINE = re.compile(r":\d+(?::\d+)?$")
_PATH = re.compile(r"[/\\]")
_LONGEST_NAME, _MOST_ENDS = 200, 6


def stems(text: str) -> list[str]:
    """The words of `text` as the index holds them."""
    analysed: list[str] = ANALYZER.analyze(clean(text))
    return analysed


def camel_parts(text: str) -> list[str]:
    """The words inside camelCase names; other separators are word borders already."""
    return [part for name in _COMPOUND.findall(text) for part in _CAMEL.findall(name)]


def query_terms(query: str) -> list[str]:
    """The distinct stems of a query that carry meaning, at most `_MOST_TERMS`, in their order.

    A query of question words alone is searched as it stands.
    """
    text = clean(query[:_LONGEST_QUERY])
    words = [word for word in re.findall(r"\w+", text) if word.lower() not in STOPWORDS]
    found = stems(" ".join(words)) or stems(text)
    return list(dict.fromkeys(found))[:_MOST_TERMS]


def exact_names(text: str) -> list[str]:
    """Paths, dotted, snake_case and hyphened names of `text`, whole, in small letters, no line numbers."""
    runs = (run for run in _JOINED.findall(text) if len(run) <= _LONGEST_NAME)
    named = (_LINE.sub("", run).lower() for run in runs)
    return list(dict.fromkeys(name for name in named if _JOINED.match(name)))


def name_forms(text: str) -> list[str]:
    """The names of `text`, and of paths also every end after a separator: what someone may look for."""
    forms: dict[str, None] = {}
    for name in exact_names(text):
        forms[name] = None
        ends = _PATH.split(name)[-_MOST_ENDS:]
        forms.update(("/".join(ends[start:]), None) for start in range(len(ends)))
    return list(forms)


def query_names(query: str) -> list[str]:
    """The names that a query spells out."""
    return exact_names(clean(query[:_LONGEST_QUERY]))[:_MOST_TERMS]
