"""Partition functions in Python: code that runs once for every partition of a table, durably.

A plain function is enough::

    def process_sales_data(data_connector, context):
        df = data_connector.to_pandas()
        return {"orders": len(df), "total": df["amount"].sum()}

`partition_function` adds a name and settings, and `partition_model` declares a class that trains a model of each
partition and predicts with it. Nothing here imports pandas or pyarrow before they are needed.
"""

import importlib

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

#: The same as the Node package's.
__version__ = "0.1.0"

#: The client, loaded when it is asked for: every runner imports this package.
_CLIENT = {
    "Partwise": "client",
    "PartitionStatus": "views",
    "RunStatus": "views",
    "CannotCompare": "errors",
    "HostError": "errors",
    "NoResults": "errors",
    "NoSuchArtifact": "errors",
    "NoSuchPartition": "errors",
    "NoSuchRun": "errors",
    "RunEnded": "errors",
    "StartRefused": "errors",
    "UpdateRefused": "errors",
    "WaitTimeout": "errors",
}
__all__ += sorted(_CLIENT)


def __getattr__(name):
    if name not in _CLIENT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"._client.{_CLIENT[name]}", __name__), name)
