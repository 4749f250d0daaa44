"""Names that look alike (H13), after Unicode Technical Standard 39, section 4.

The table is a selection of our own: letters and digits of the Basic Multilingual Plane
that survive NFKC and case folding and that most fonts draw like an ASCII letter or
digit. Ligatures such as the ae of Danish are left out: they are letters, and nobody
misreads them. The libraries that ship the whole list read a megabyte of JSON when they
are imported.
"""

from __future__ import annotations

from unicodedata import normalize

_DRAWN_LIKE = {
    "2": "14bf a6ef",
    "4": "13ce",
    "6": "0431 13ee",
    "8": "0223 09ea 0a6a",
    "9": "09ed 0a67 0b68 0d6d",
    "a": "0251 03b1 0430 13aa 15c5 a4ee",
    "b": "13cf 13f4 1472 15af 15f7 a4d0",
    "c": "0441 13df 1d04 2ca5 a4da",
    "d": "0501 13a0 13e7 146f 15de 15ea a4d2 a4d3",
    "e": "0435 04bd 13ac 2d39 a4f0 ab32",
    "f": "0584 15b4 a4dd a799 ab35",
    "g": "018d 0261 0581 13c0 13f3 1d83 a4d6",
    "h": "04bb 0570 13bb 13c2 157c a4e7",
    "i": "0131 0269 026a 03b9 0456 04cf 13a5 a647",
    "j": "03f3 0458 13ab 148d a4d9",
    "k": "03ba 043a 13e6 16d5 1d0b a4d7",
    "l": "0031 007c 01c0 06f1 13de 14aa 16c1 2d4f a4e1 a4f2",
    "n": "0578 057c a4e0",
    "o": "0030 03bf 03c3 043e 0585 06f5 0966 09e6 0a66 0ae6 0b20 0b66 0be6 0c66 0ce6"
    " 0d20 0d66 0e50 0ed0 101d 1040 10ff 12d0 1d0f 1d11 2c9f 2d54 3007 a4f3 ab3d",
    "p": "03c1 0440 13e2 146d 2ca3 a4d1",
    "q": "051b 0563 0566 2d55",
    "r": "0433 13a1 13d2 1587 1d26 2c85 a4e3 ab47 ab48",
    "rn": "006d 043c 13b7 15f0 16d6 1d0d a4df",
    "s": "01bd 0455 13d5 13da a4e2 a731",
    "t": "03c4 0442 13a2 1d1b a4d4",
    "u": "028b 03c5 057d 1200 144c 1d1c a4f4 a79f ab4e ab52",
    "v": "03bd 0475 06f7 13d9 142f 1d20 2d38 a4e6 a6df",
    "w": "026f 0461 051d 0561 13b3 13d4 1d21 a4ea",
    "x": "0445 1541 157d 16b7 2d5d a4eb",
    "y": "0263 028f 03b3 0443 04af 10e7 13a9 13bd 1d8c 1eff a4ec ab5a",
    "z": "13c3 1d22 a4dc",
}
"""What is drawn like the key, as code points; 0, 1, ``|`` and m are among them."""

_SKELETON = {
    int(point, 16): drawn
    for drawn, points in _DRAWN_LIKE.items()
    for point in points.split()
}


def skeleton(folded: str) -> str:
    """What a folded name looks like: two names that look alike have the same skeleton.

    Compare it only where at least one of the names is not ASCII (H13): among ASCII
    names everybody knows to look twice at ``1`` and ``l``.
    """
    return normalize("NFD", normalize("NFD", folded).translate(_SKELETON))
