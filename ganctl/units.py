"""Seconds, speeds and bytes as a person would say them."""


def duration(seconds: float) -> str:
    """Seconds as a person would say them: 45 s, 12 min, 3 h 05 min, 4.2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / 1440:.1f} days"


def rate(pictures: float) -> str:
    """A speed as a person would say it: 1,480 pictures/s, 0.06 pictures/s."""
    return f"{pictures:,.0f} pictures/s" if pictures >= 10 else f"{pictures:.1g} pictures/s"


def size(count: float) -> str:
    """Bytes as a person would say them: 0 bytes, 116 kB, 1.5 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
