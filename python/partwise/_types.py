"""DuckDB's types of columns, and how the files of a run store them (docs/runner-protocol.md)."""

import datetime
import functools
import re
import uuid

#: Integers that may not fit into 64 bits, stored as text.
WIDE_INTEGERS = ("HUGEINT", "UHUGEINT")
#: Stored as TIMESTAMP, by Arrow's name of their unit.
AS_TIMESTAMP = {"TIMESTAMP_S": "s", "TIMESTAMP_MS": "ms"}
#: Arrow has no type for them, or one whose values pyarrow cannot convert.
_AS_TEXT = ("UUID", "JSON")

_CAST = re.compile(
    r"\b(HUGEINT|UHUGEINT|INTERVAL|TIME WITH TIME ZONE|BIT|BIGNUM|TIMESTAMP_S|TIMESTAMP_MS|UUID|JSON)\b|\[\d+\]"
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def needs_cast(declared):
    """Whether a file that stores the column must name its type, so that a reader casts to it."""
    return _CAST.search(_QUOTED.sub("", declared)) is not None


class SqlType:
    """A type by its structure."""

    __slots__ = ("kind", "name", "fields", "names")

    def __init__(self, kind, name, fields, names=()):
        #: `plain`, `list`, `struct` or `map`.
        self.kind = kind
        #: Of a plain type.
        self.name = name
        #: Types inside: of the items, of the fields, or of keys and values.
        self.fields = fields
        #: Of the fields of a struct.
        self.names = names

    def has(self, names):
        """Whether it is one of some plain types, or contains one."""
        return self.name in names if self.kind == "plain" else any(each.has(names) for each in self.fields)


@functools.lru_cache(maxsize=4096)
def parse_type(text):
    """Reads DuckDB's name of a type, such as `STRUCT("a b" INTEGER[], m DATE)`."""
    item = re.fullmatch(r"(.*)\[\d*\]", text, re.DOTALL)
    if item is not None:
        return SqlType("list", None, [parse_type(item[1])])
    nested = re.fullmatch(r"(STRUCT|MAP)\s*\((.*)\)", text, re.DOTALL | re.IGNORECASE)
    if nested is None:
        return SqlType("plain", text, [])
    kind, parts, names = nested[1].lower(), _split(nested[2]), []
    if kind == "struct":
        fields = [re.fullmatch(r'("(?:[^"]|"")*"|\S+)\s+(.*)', part, re.DOTALL) for part in parts]
        names, parts = [field[1] for field in fields], [field[2] for field in fields]
        names = [name[1:-1].replace('""', '"') if name[0] == '"' else name for name in names]
    return SqlType(kind, None, [parse_type(part) for part in parts], names)


def _split(text):
    """Splits at commas outside parentheses and quotes."""
    parts, depth, quote, start = [], 0, None, 0
    for i, character in enumerate(text):
        if quote is not None:
            quote = None if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


# Arrow


def restored(column, declared):
    """A stored Arrow column in Arrow's own type for it. Types that Arrow lacks stay text."""

    return _with_types(column, parse_type(declared), (*WIDE_INTEGERS, *AS_TIMESTAMP, *_AS_TEXT))


def storable(column, declared):
    """A stored Arrow column as pyarrow can write it again."""
    return _with_types(column, parse_type(declared), _AS_TEXT)


def stored(column, declared):
    """The inverse of `restored`."""
    return _with_types(column, parse_type(declared), (*WIDE_INTEGERS, *AS_TIMESTAMP), _stored_plain)


def with_text_integers(column, declared):
    """The restored column with the wide integers as text, for libraries without Arrow's decimal256."""
    import pyarrow as pa

    return _with_types(column, parse_type(declared), WIDE_INTEGERS, lambda array, name: array.cast(pa.string()))


def _with_types(column, kind, names, convert=None):
    """The column with the Arrow types of some of DuckDB's types, wherever these are in it."""
    import pyarrow as pa

    if not kind.has(names):
        return column
    convert = convert or _restored_plain
    chunks = [_restored(chunk, kind, names, convert) for chunk in column.chunks]
    return pa.chunked_array(chunks) if chunks else _restored(column.combine_chunks(), kind, names, convert)


def _restored(array, kind, names, convert):
    import pyarrow as pa

    if not kind.has(names):
        return array
    if kind.kind == "plain":
        return convert(array, kind.name)
    if kind.kind == "struct":
        fields = [array.type.field(i) for i in range(array.type.num_fields)]
        children = [_restored(array.field(i), each, names, convert) for i, each in enumerate(kind.fields)]
        named = [pa.field(field.name, child.type) for field, child in zip(fields, children)]
        return pa.StructArray.from_arrays(children, fields=named, mask=array.is_null())
    if kind.kind == "list":
        items = _restored(array.values, kind.fields[0], names, convert)
        whole = pa.list_(items.type)
    else:
        keys, items = (
            _restored(each, kind.fields[i], names, convert) for i, each in enumerate((array.keys, array.items))
        )
        whole = pa.map_(keys.type, items.type)
        items = pa.StructArray.from_arrays([keys, items], fields=[whole.key_field, whole.item_field])
    # What is in which list stays as it was.
    return pa.Array.from_buffers(whole, len(array), array.buffers()[:2], offset=array.offset, children=[items])


def _restored_plain(array, name):
    import pyarrow as pa

    if name in AS_TIMESTAMP:
        return array.cast(pa.timestamp(AS_TIMESTAMP[name]))
    if name in WIDE_INTEGERS:
        return array.cast(pa.decimal256(39, 0))
    if name == "UUID":
        return _texts_of_uuids(array)
    return _storage(array).cast(pa.string())


def _stored_plain(array, name):
    import pyarrow as pa

    return array.cast(pa.string() if name in WIDE_INTEGERS else pa.timestamp("us"))


def _storage(array):
    """pyarrow may read a column as an extension type."""
    return getattr(array, "storage", array)


def _texts_of_uuids(array):
    import pyarrow as pa

    if pa.types.is_string(array.type):
        return array
    values = _storage(array).to_pylist()
    return pa.array([None if each is None else str(uuid.UUID(bytes=each)) for each in values], pa.string())


# Python's values


def python_values(column, declared):
    """A stored column as Python's values: those of `context.key` and of `data.rows()`."""
    return listed_values(restored(column, declared), declared)


def listed_values(column, declared):
    """The values of a restored column. What Python has no value for is DuckDB's text of it."""
    kind, is_number, is_odd, convert = _reading(declared)
    if is_number and column.null_count == 0:
        return [value for chunk in column.chunks for value in chunk.to_numpy().tolist()]
    try:
        values = None if is_odd else column.to_pylist()
    except (ValueError, OverflowError):
        # Infinity, or a year that Python's dates do not have.
        values = None
    if values is None:
        return [value for chunk in column.chunks for value in _odd_values(chunk, kind)]
    return values if convert is None else [None if each is None else convert(each) for each in values]


_NUMBERS = frozenset("TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER UBIGINT FLOAT DOUBLE".split())


@functools.lru_cache(maxsize=4096)
def _reading(declared):
    """How a type is read: its structure; whether numpy reads it, or pyarrow reads it wrong; what converts values."""
    kind = parse_type(declared)
    # pyarrow cuts off nanoseconds of a TIME, and reads 24:00:00 as 00:00:00.
    return kind, declared in _NUMBERS, kind.has(("TIME", "TIME_NS")), _converter(kind)


def _converter(kind):
    """What makes Python's value of pyarrow's, or None if they are the same."""
    if kind.kind == "plain":
        return int if kind.name in (*WIDE_INTEGERS, "BIGNUM") else None
    inside = [_converter(each) or _same for each in kind.fields]
    if kind.kind == "map":
        return lambda pairs: _mapping(
            [(_or_none(inside[0], key), _or_none(inside[1], item)) for key, item in pairs], kind
        )
    if all(each is _same for each in inside):
        return None
    if kind.kind == "list":
        return lambda items: [_or_none(inside[0], each) for each in items]
    return lambda fields: {name: _or_none(each, fields[name]) for name, each in zip(fields, inside)}


def _same(value):
    return value


def _or_none(convert, value):
    return None if value is None else convert(value)


def _mapping(pairs, kind):
    """A dictionary, or the pairs if lists and dictionaries are keys."""
    return pairs if kind.fields[0].kind != "plain" else dict(pairs)


def _odd_values(array, kind):
    """One value after the other, for arrays with values that pyarrow cannot convert."""
    if kind.kind == "plain":
        return _odd_plain(array, kind.name)
    if kind.kind == "struct":
        names = [array.type.field(i).name for i in range(array.type.num_fields)]
        columns = [_odd_values(array.field(i), each) for i, each in enumerate(kind.fields)]
        rows = [dict(zip(names, values)) for values in zip(*columns)]
    else:
        flat = (
            list(zip(_odd_values(array.keys, kind.fields[0]), _odd_values(array.items, kind.fields[1])))
            if kind.kind == "map"
            else _odd_values(array.values, kind.fields[0])
        )
        offsets = array.offsets.to_pylist()
        rows = [flat[start:stop] for start, stop in zip(offsets, offsets[1:])]
        if kind.kind == "map":
            rows = [_mapping(pairs, kind) for pairs in rows]
    return [row if is_valid else None for row, is_valid in zip(rows, array.is_valid().to_pylist())]


def _odd_plain(array, name):
    import pyarrow as pa

    if not pa.types.is_temporal(array.type):
        convert = _converter(parse_type(name)) or _same
        return [_or_none(convert, each) for each in array.to_pylist()]
    return [_odd_time(each) if each.is_valid else None for each in array]


def _odd_time(scalar):
    import pyarrow as pa

    if not pa.types.is_time(scalar.type):
        try:
            return scalar.as_py()
        except (ValueError, OverflowError):
            return _text_of_time(scalar)
    ticks, per_second = scalar.cast(pa.int64()).as_py(), _UNITS[scalar.type.unit]
    is_known = ticks < 86_400 * per_second and ticks % max(1, per_second // 10**6) == 0
    return scalar.as_py() if is_known else _text_of_clock(ticks, per_second)


_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _text_of_time(scalar):
    """DuckDB's text of a date or time that Python has no value for."""
    import pyarrow as pa

    if pa.types.is_date(scalar.type):
        days = scalar.cast(pa.int32()).as_py()
        return _infinity(days, 2**31 - 1) or _text_of_days(days)
    ticks = scalar.cast(pa.int64()).as_py()
    per_second = _UNITS[scalar.type.unit]
    zone = "" if scalar.type.tz is None else "+00"
    days, clock = divmod(ticks, 86_400 * per_second)
    day, *era = _text_of_days(days).split(" ")
    return _infinity(ticks, 2**63 - 1) or " ".join([day, *era, _text_of_clock(clock, per_second) + zone])


def _infinity(value, most):
    return "infinity" if value == most else "-infinity" if value == -most else None


def _text_of_clock(ticks, per_second):
    seconds, fraction = divmod(ticks, per_second)
    digits = f".{fraction:0{len(str(per_second)) - 1}d}".rstrip("0") if fraction else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{digits}"


#: The calendar repeats every 400 years.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097


def _text_of_days(days):
    cycles, rest = divmod(days, _CYCLE_DAYS)
    day = datetime.date(1970, 1, 1) + datetime.timedelta(rest)
    year = day.year + cycles * _CYCLE_YEARS
    rest = f"-{day.month:02d}-{day.day:02d}"
    return f"{year:04d}{rest}" if year > 0 else f"{1 - year:04d}{rest} (BC)"


_TEXT_OF_TIME = re.compile(
    r"(?P<sign>-?)infinity|(?P<year>\d{4,6})-(?P<month>\d\d)-(?P<day>\d\d)(?P<era> \(BC\))?"
    r"(?: (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?(?:\+00)?"
)


def days_of(text):
    """The days since 1970 of DuckDB's text of a DATE, or None: the inverse of what Python's values show."""
    return _ticks_of(text, 2**31 - 1, 1)


def microseconds_of(text):
    """The same for a TIMESTAMP, with or without a time zone, in microseconds."""
    return _ticks_of(text, 2**63 - 1, 86_400 * 10**6)


def _ticks_of(text, infinity, per_day):
    found = _TEXT_OF_TIME.fullmatch(text)
    if found is None:
        return None
    if found["year"] is None:
        return -infinity if found["sign"] else infinity
    year = 1 - int(found["year"]) if found["era"] else int(found["year"])
    # Of the calendar's cycle that Python has.
    cycles, rest = divmod(year - 1, _CYCLE_YEARS)
    try:
        day = datetime.date(rest + 1, int(found["month"]), int(found["day"]))
    except ValueError:
        return None
    days = day.toordinal() - datetime.date(1970, 1, 1).toordinal() + cycles * _CYCLE_DAYS
    clock = 0
    if found["hour"] is not None:
        seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"])
        clock = seconds * 10**6 + int((found["fraction"] or "0").ljust(6, "0"))
    return days * per_day + clock if per_day > 1 or clock == 0 else None


def plain_values(array):
    """The values of an Arrow array as Python's. Dates and times that Python has no value for are text."""
    import pyarrow as pa

    try:
        return array.to_pylist()
    except (ValueError, OverflowError):
        chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
        return [_odd_time(each) if each.is_valid else None for chunk in chunks for each in chunk]
