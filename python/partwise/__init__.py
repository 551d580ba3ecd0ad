"""Partition functions in Python: code that runs once for every partition of a table, durably.

A plain function is enough::

    def process_sales_data(data_connector, context):
        df = data_connector.to_pandas()
        return {"orders": len(df), "total": df["amount"].sum()}

`partition_function` adds a name and settings. Nothing here imports pandas or pyarrow before they are needed.
"""

from ._define import partition_function
from ._errors import ExpectationFailed, InvalidArtifact, InvalidResult, NonRetryable, PartwiseError

__all__ = [
    "ExpectationFailed",
    "InvalidArtifact",
    "InvalidResult",
    "NonRetryable",
    "PartwiseError",
    "partition_function",
]
