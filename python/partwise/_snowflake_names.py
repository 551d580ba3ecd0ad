"""Rows with the names of columns that code for Snowflake expects."""

import re

from ._data import DataConnector


def with_snowflake_names(data_connector):
    """The rows with column names as Snowflake shows them: Partwise has plain names in lower case."""
    columns = [{**each, "name": _snowflake_name(each["name"])} for each in data_connector.schema]
    return DataConnector(_Renamed(data_connector._rows, [each["name"] for each in columns]), columns)


def _snowflake_name(name):
    return name.upper() if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else name


class _Renamed:
    """Rows with other names of columns."""

    def __init__(self, rows, names):
        self._rows = rows
        self._names = names
        self.count = rows.count

    def table(self):
        return self._rows.table().rename_columns(self._names)

    def frame(self):
        frame = self._rows.frame()
        frame.columns = self._names
        return frame

    def batches(self):
        return (batch.rename_columns(self._names) for batch in self._rows.batches())
