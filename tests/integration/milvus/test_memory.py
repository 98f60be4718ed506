"""What is loaded beside the rows: Arrow looks for pandas with its first array, and takes 35 MB if it finds it."""

import subprocess
import sys

USES = """
import sys
from data_pipeline.stores.milvus.protocol import arrow, protocol
from data_pipeline.stores.milvus.digest import Sum
from data_pipeline.stores.milvus.table import RowShape
schema = protocol().schema
fields = [schema.FieldSchema(name="id", data_type=21, is_primary_key=True), schema.FieldSchema(name="v", data_type=101)]
fields[1].type_params.add(key="dim", value="2")
shape = RowShape.of(schema.CollectionSchema(fields=fields))
floats = arrow().array([1.0, 2.0, 3.0, 4.0], arrow().float32())
vectors = arrow().FixedSizeListArray.from_arrays(floats, type=shape.arrow.field("v").type)
batch = arrow().RecordBatch.from_arrays([arrow().array(["a", "b"], arrow().string()), vectors], schema=shape.arrow)
total = Sum(shape)
total.add(batch)
written = shape.write(batch)
again = Sum(shape)
again.add(shape.read(protocol().milvus.QueryResults(fields_data=written)))
assert total.hex == again.hex
print("pandas" in sys.modules)
"""


def test_rows_are_read_and_written_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", USES], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
