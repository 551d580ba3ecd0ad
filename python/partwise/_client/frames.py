"""Frames of a program as the rows of a run, with the types that returned rows have (`_columns`)."""

import re

from .._errors import InvalidResult

#: DuckDB's types that lose something on the way: a zone, or what they are.
_NOT_IN_ARROW = re.compile(r"\b(TIME WITH TIME ZONE|BIT|BIGNUM|INTERVAL)\b")


def table_of(data):
    """A pandas or polars DataFrame, an Arrow table or a DuckDB relation as an Arrow table.

    Raises TypeError for other values, and ValueError for rows that Parquet or DuckDB would change.
    """
    import pyarrow as pa

    from .._tables import table_parts

    try:
        names, columns, count = table_parts(_supported(data))
        if not names:
            raise InvalidResult("It has no columns.")
        _check_names(names)
        return pa.table([_array(values, name, count) for name, values in zip(names, columns)], names=names)
    except InvalidResult as problem:
        raise ValueError(f"The {type(data).__name__} cannot be read by a run. {problem}") from None


def _supported(data):
    module, name = type(data).__module__.split(".")[0], type(data).__name__
    if module in ("duckdb", "_duckdb") and hasattr(data, "to_arrow_table"):
        for column, kind in zip(data.columns, data.types):
            if _NOT_IN_ARROW.search(str(kind)):
                raise InvalidResult(
                    f'The column "{column}" has the type {kind}, which Arrow does not hold. Cast it to VARCHAR.'
                )
        return data.to_arrow_table()
    if name in {"pyarrow": ("Table", "RecordBatch"), "polars": ("DataFrame", "LazyFrame")}.get(module, ()):
        return data
    # Subclasses too, such as those of geopandas.
    if any(each.__name__ == "DataFrame" and each.__module__.startswith("pandas") for each in type(data).__mro__):
        return data
    raise TypeError(
        f"A run cannot read {'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}. Pass a table's name, a path, "
        "query:SELECT …, a pandas or polars DataFrame, an Arrow table, a DuckDB relation, or a Snowpark DataFrame."
    )


def _check_names(names):
    from .._results import name_problem

    spelled = {}
    for name in names:
        problem = name_problem(name)
        if problem is not None:
            raise InvalidResult(f"A column has {problem}. Rename it.")
        known = spelled.get(name.lower())
        if known is not None:
            both = f'two columns "{name}"' if known == name else f'the columns "{known}" and "{name}"'
            raise InvalidResult(f"It has {both}, and column names are not case-sensitive. Rename one.")
        spelled[name.lower()] = name


def _array(values, name, count):
    import pyarrow as pa

    from .._columns import arrow_array, arrow_column, listed_column

    if isinstance(values, list):
        if any(_is_nested(value) for value in values):
            return _nested(values, name)
        column = listed_column(values, name)
    else:
        column = arrow_column(values, name)
    if column.kind is None:
        return pa.nulls(count, _type_of_nulls(values, name))
    array = arrow_array(column)
    # Files of rows have wide integers as text, which only Partwise reads as numbers.
    is_wide = column.kind in ("HUGEINT", "UHUGEINT")
    return _decimals(array, name) if is_wide or pa.types.is_decimal(array.type) else array


def _type_of_nulls(values, name):
    """The type of a column without values: that of the frame, if it has one."""
    import pyarrow as pa

    from .._columns import stored_type

    has_type = not isinstance(values, list) and not isinstance(values.type, pa.BaseExtensionType)
    return stored_type(values.type, name) if has_type else pa.string()


def _decimals(array, name):
    """DuckDB and pyarrow make decimals with more digits than their type has."""
    import pyarrow as pa

    try:
        decimals = array if pa.types.is_decimal(array.type) else array.cast(pa.decimal128(38, 0))
        decimals.validate(full=True)
        return decimals
    except pa.ArrowInvalid:
        raise InvalidResult(f'The column "{name}" has numbers of more than 38 digits. Use text.') from None


def _is_nested(value):
    return isinstance(value, (list, tuple, dict)) or hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0


def _nested(values, name):
    """Lists and dictionaries as LIST and STRUCT."""
    import pyarrow as pa

    if not _has_one_shape(values):
        raise InvalidResult(
            f'The column "{name}" has dictionaries with different keys, which would all get the keys of the others. '
            "Use text, as json.dumps makes it."
        )
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InvalidResult(f'The column "{name}" cannot be stored: {error}. Use text.') from None


def _has_one_shape(values):
    """Whether dictionaries in the same place have the same keys."""
    dictionaries = [value for value in values if isinstance(value, dict)]
    items = [item for value in values if isinstance(value, (list, tuple)) for item in value]
    if len({frozenset(value) for value in dictionaries}) > 1:
        return False
    fields = [[value[key] for value in dictionaries] for key in (dictionaries[0] if dictionaries else ())]
    return all(_has_one_shape(each) for each in (*fields, *([items] if items else ())))
