"""Choose evenly spaced items of a sequence."""


def evenly_spaced(length: int, count: int) -> list[int]:
    """At most `count` of the indices below `length`, evenly spaced and rising, the first and the last among them.

    One index is the first. They are those of ``numpy.linspace(0, length - 1, count).round()``.
    """
    if length <= count:
        return list(range(length))
    if count < 2:
        return [0] * count
    step = (length - 1) / (count - 1)
    return [round(i * step) for i in range(count)]
