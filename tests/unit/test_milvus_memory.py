"""Memory that Parquet takes is the C library's, which gives it back."""

import subprocess
import sys

import pytest

pytest.importorskip("pyarrow")

# Its own allocator reserves a gigabyte at once, however little is asked of it.
PROGRAM = """
import io, re
from data_pipeline.stores.milvus.protocol import arrow, parquet

table = arrow().table({"n": list(range(1000)), "text": ["text"] * 1000})
file = io.BytesIO()
parquet().write_table(table, file, compression="zstd")
assert parquet().read_table(file) == table
mapped = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *$", open("/proc/self/maps").read(), re.MULTILINE)
print(max(int(end, 16) - int(start, 16) for start, end in mapped))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc")
def test_none_is_taken_by_an_allocator_that_keeps_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1 << 30
