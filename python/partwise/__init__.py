"""Partition functions in Python: code that runs once for every partition of a table, durably.

A plain function is enough::

    def process_sales_data(data_connector, context):
        df = data_connector.to_pandas()
        return {"orders": len(df), "total": df["amount"].sum()}

`partition_function` adds a name and settings, and `partition_model` declares a class that trains a model of each
partition and predicts with it. Nothing here imports pandas or pyarrow before they are needed.
"""

from ._define import partition_function
from ._errors import ExpectationFailed, InvalidArtifact, InvalidResult, NonRetryable, PartwiseError
from ._model import partition_model
from ._serde import JoblibSerde, PickleSerde

__all__ = [
    "ExpectationFailed",
    "InvalidArtifact",
    "InvalidResult",
    "JoblibSerde",
    "NonRetryable",
    "PartwiseError",
    "PickleSerde",
    "partition_function",
    "partition_model",
]
