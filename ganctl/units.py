"""Format seconds, speeds, bytes and counts for people."""


def duration(seconds: float) -> str:
    """Seconds for people: 45 s, 12 min, 3 h 05 min, 4.2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / 1440:.1f} days"


def rate(pictures: float) -> str:
    """A speed for people: 1,480 pictures/s, 0.06 pictures/s."""
    return f"{pictures:,.0f} pictures/s" if pictures >= 9.5 else f"{pictures:.1g} pictures/s"


def counted(number: int, noun: str) -> str:
    """A count with its noun: 1 copy, 2 copies, 1,200 pictures."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def epochs(number: float) -> str:
    """Passes over the data, whole or not: 1 epoch, 2.5 epochs."""
    return f"{number:.4g} epoch{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """Bytes for people: 0 bytes, 1 byte, 116 kB, 1.5 GB."""
    if count == 1:
        return "1 byte"
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
