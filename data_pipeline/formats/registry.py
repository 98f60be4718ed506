"""The formats of backup files, by name."""

from data_pipeline.formats.binary_format import Binary
from data_pipeline.formats.csv_format import Csv
from data_pipeline.formats.format import Format, FormatName

FORMATS: dict[FormatName, Format] = {one.name: one for one in (Csv(), Binary())}
"""In the order in which they are looked for."""


def of(name: FormatName) -> Format:
    return FORMATS[name]
