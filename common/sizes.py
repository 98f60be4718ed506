"""File sizes as people read them."""

KILO = 1024


def format_size(size: int) -> str:
    """Write a size in bytes as "209 B", "764 KB", "1.5 MB".

    Units step by 1024. B and KB are whole numbers, larger units have one decimal. A value that rounds
    to 1024 is written in the next unit: 1,048,500 bytes is "1.0 MB", not "1024 KB".
    """
    if size < KILO:
        return f"{size} B"
    kilobytes = round(size / KILO)
    if kilobytes < KILO:
        return f"{kilobytes} KB"
    value = size / KILO**2
    for unit in ("MB", "GB", "TB"):
        if round(value, 1) < KILO:
            return f"{value:.1f} {unit}"
        value /= KILO
    return f"{value:.1f} PB"
