"""Which terms a sentence is about, for comparing sentences with one another."""

from collections import Counter

import regex

_RUN = regex.compile(
    r"(?P<unspaced>[\p{Han}\p{Hiragana}\p{Katakana}ー]+|[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+)"
    r"|[\p{L}\p{N}](?:['’]?[\p{L}\p{M}\p{N}])*"
)


def terms(text: str) -> Counter[str]:
    """The text's words, and how often each stands there.

    Where a script has no spaces, pairs of neighbouring characters stand for words, as is common in
    search (McNamee, Mayfield 2004).
    """
    found: Counter[str] = Counter()
    for match in _RUN.finditer(text.casefold()):
        run = match[0]
        if match["unspaced"] and len(run) > 1:
            found.update(run[n : n + 2] for n in range(len(run) - 1))
        else:
            found[run.replace("’", "'")] += 1
    return found
