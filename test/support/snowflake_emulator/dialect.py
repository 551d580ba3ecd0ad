"""What fakesnow's translation to DuckDB lacks: 38-digit numbers, HASH_AGG, functions about the session."""

from __future__ import annotations

import re

import fakesnow.rowtype
import sqlglot
from fakesnow import info_schema, transforms
from sqlglot import exp

# NUMBER(38,0) is HUGEINT here, see integer_precision.
for _name, _view in list(vars(info_schema).items()):
    if isinstance(_view, str) and "columns.data_type='BIGINT'" in _view:
        setattr(info_schema, _name, _view.replace("columns.data_type='BIGINT'", "columns.data_type IN ('BIGINT', 'HUGEINT')"))


class RowTypes(dict):
    """Snowflake's name for each type of DuckDB."""

    OTHERS = {"FLOAT": "real", "UINTEGER": "fixed"}

    def get(self, key, default=None):
        if key.endswith("]"):
            return "array"
        if key.startswith(("STRUCT", "MAP")):
            return "object"
        if key.startswith("TIMESTAMP_"):
            return "timestamp_ntz"
        return super().get(key) or self.OTHERS.get(key) or ("fixed" if key.endswith("INT") else "text")


fakesnow.rowtype.duckdb_to_sf_type = RowTypes(fakesnow.rowtype.duckdb_to_sf_type)

_integer_precision = transforms.integer_precision


def integer_precision(e: exp.Expr) -> exp.Expr:
    """NUMBER and NUMBER(38,0) hold 38 digits; fakesnow's BIGINT holds 18."""
    if isinstance(e, exp.DataType) and e.this == exp.DataType.Type.DECIMAL:
        if [size.name for size in e.expressions] in ([], ["38"], ["38", "0"]):
            return exp.DataType(this=exp.DataType.Type.INT128, nested=False)
    return _integer_precision(e)


transforms.integer_precision = integer_precision


def session_functions(e: exp.Expr, session) -> None:
    """Replaces session functions by their values."""
    known = {
        "CURRENT_SESSION": str(session.id),
        "CURRENT_WAREHOUSE": session.warehouse,
        "CURRENT_ROLE": session.role,
        "CURRENT_USER": session.user,
    }
    for function in list(e.find_all(exp.Func)):
        anonymous = isinstance(function, exp.Anonymous)
        name = function.name.upper() if anonymous else re.sub(r"(?<!^)([A-Z])", r"_\1", type(function).__name__).upper()
        if name in known and not function.expressions:
            value = known[name]
            function.replace(exp.Null() if value is None else exp.Literal.string(value))


def hash_agg(e: exp.Expr) -> None:
    """A sum of row hashes: independent of order, sensitive to duplicates. The values differ from Snowflake's."""
    for aggregate in list(e.find_all(exp.HashAgg)):
        columns = [column.sql(dialect="duckdb") for column in [aggregate.this, *aggregate.expressions]]
        hashed = ", ".join(f"*COLUMNS({column})" if column.endswith("*") else column for column in columns)
        total = f"(COALESCE(SUM(HASH({hashed})), 0) % 18446744073709551616)"
        signed = f"IF({total} >= 9223372036854775808, {total} - 18446744073709551616, {total})"
        aggregate.replace(sqlglot.parse_one(f"CAST({signed} AS DECIMAL(19,0))", read="duckdb"))
