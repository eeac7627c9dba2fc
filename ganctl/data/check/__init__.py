"""``ganctl check``: finds what is wrong with a set of pictures before a training meets it."""
