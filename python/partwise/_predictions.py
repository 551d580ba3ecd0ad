"""Combines what `predict` returns with the rows that it predicts."""

from ._cells import describe
from ._errors import InvalidResult
from ._results import Rows, take
from ._types import stored

#: Position of a row in its partition, from 0.
_ROW_ID = "row_id"
#: Column for predictions that have no columns of their own.
_PREDICTION = "prediction"
#: Column for the partition whose model was used.
_MODEL_PARTITION = "model_partition"


def predicted_rows(predicted, data, keep, key, *, positions=None, model_partition=None):
    """Rows with `row_id`, the columns of `keep` in the source's types, the prediction, and `model_partition`.

    `positions` are those of the rows in their partition, an Arrow array; None: they are the whole partition.
    `model_partition` is None if the model was not kept.
    """
    import pyarrow as pa

    from ._columns import Column

    rows = take(_as_rows(predicted), key)
    count = len(data)
    if rows.count != count:
        raise InvalidResult(
            f"predict returned {rows.count} predictions for {count} rows. Return one for each row of data, in the "
            "same order (None where there is none)."
        )
    kept = _kept_columns(data, keep, key)
    own = {name.lower() for name in (_ROW_ID, _MODEL_PARTITION, *kept)}
    taken = next((name for name in rows.columns if name.lower() in own), None)
    if taken is not None:
        raise InvalidResult(
            f'predict returned "{taken}", a column that already exists: Partwise adds row_id, model_partition and the '
            "kept columns. Use another name."
        )
    ids = pa.array(range(count), pa.int64()) if positions is None else positions
    columns = {_ROW_ID: Column("BIGINT", ids), **kept, **rows.columns}
    if model_partition is not None:
        columns[_MODEL_PARTITION] = Column("VARCHAR", [model_partition] * count)
    return Rows(count, columns)


def _as_rows(predicted):
    """What `take` takes: a table, or a list of dictionaries."""
    import pyarrow as pa

    if isinstance(predicted, (list, tuple)):
        return [each if isinstance(each, dict) else {_PREDICTION: each} for each in predicted]
    module, name = type(predicted).__module__.split(".")[0], type(predicted).__name__
    if module == "pandas" and name in ("DataFrame", "Series"):
        _check_order(predicted)
        return predicted if name == "DataFrame" else predicted.reset_index(drop=True).to_frame(_PREDICTION)
    if module == "numpy" and hasattr(predicted, "dtype"):
        if predicted.ndim != 1:
            raise InvalidResult(
                f"predict returned an array of the shape {predicted.shape}. Return one dimension (.ravel()), or a "
                "DataFrame whose columns have names."
            )
        if predicted.dtype.kind in "biuf":
            return pa.table({_PREDICTION: pa.array(predicted, from_pandas=True)})
        return _as_rows(list(predicted))
    if module == "pyarrow" and isinstance(predicted, (pa.Array, pa.ChunkedArray)):
        return pa.table({_PREDICTION: predicted})
    if module == "polars" and name == "Series":
        return pa.table({_PREDICTION: predicted.to_arrow()})
    if module in ("pandas", "polars", "pyarrow"):
        return predicted
    returned = "nothing" if predicted is None else describe(predicted)
    raise InvalidResult(
        f"predict returned {returned}. Return one prediction for each row of data, in the same order: a list, an "
        "array, a Series or a DataFrame."
    )


def _check_order(predicted):
    """A frame that was sorted is not in the order of data, and its index shows it."""
    import numpy

    index = predicted.index
    if index.nlevels > 1 or getattr(index.dtype, "kind", "O") not in "iu":
        return
    numbers = index.to_numpy()
    expected = numpy.arange(len(numbers))
    if not numpy.array_equal(numbers, expected) and numpy.array_equal(numpy.sort(numbers), expected):
        raise InvalidResult(
            "predict returned rows in another order than those of data: their index is not 0, 1, 2 and so on. "
            "Restore the order (.sort_index()), or drop an index that means something else "
            "(.reset_index(drop=True))."
        )


def _kept_columns(data, keep, key):
    wanted = {name.lower() for name in keep}
    keys = {name.lower() for name in key}
    chosen = [each for each in data.schema if each["name"].lower() in wanted - keys]
    if not chosen:
        return {}
    from ._columns import Column, DeclaredKind

    table = data.to_arrow()
    kept = {}
    for each in chosen:
        values = stored(table[each["name"]], each["type"])
        kept[each["name"]] = Column(DeclaredKind(each["type"], values.type), values)
    return kept
