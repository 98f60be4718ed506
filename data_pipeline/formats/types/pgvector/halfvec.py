"""halfvec: int16 dimensions, int16 zero, a float2 each.

halfvec_in reads each element with strtof and rounds that float4 to a float2, ties to even. So does this: twice, as it
does. What is finite as a float4 and not as a float2 is refused.
"""

from collections.abc import Sequence

import numpy as np

from common.messages import say
from data_pipeline.formats.types.column_type import BadValue
from data_pipeline.formats.types.pgvector import vector

_NOT_FINITE = say("halfvec_not_finite")


class HalfVector(vector.Vector):
    name = "halfvec"
    element_bytes = 2

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        values: list[bytes] = []
        with np.errstate(over="ignore"):
            for value in vector.encode(texts):
                halves = np.frombuffer(value, ">f4", offset=4).astype(np.float16)
                if not np.isfinite(halves).all():
                    raise BadValue(len(values), _NOT_FINITE)
                values.append(value[:4] + halves.astype(">f2").tobytes())
        return values


TYPES = (HalfVector(),)
