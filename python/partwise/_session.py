"""The session of `context.with_session`: what functions for Snowpark use most, by way of the worker."""


class Session:
    """Queries of the run's warehouse. Runners have no credentials, so the worker runs them."""

    def __init__(self, host):
        self._host = host

    def sql(self, query, params=None):
        """A query, with values for its `?`. It runs when its rows are asked for."""
        return SessionQuery(self._host, query, params or [])

    def table(self, name):
        """The rows of a table. `name` is as in SQL."""
        return SessionQuery(self._host, f"SELECT * FROM {name}", [])

    def __getattr__(self, name):
        raise _missing("session", name, "sql(query, params) and table(name)")


class SessionQuery:
    def __init__(self, host, query, params):
        self._host = host
        self._query = query
        self._params = params

    def collect(self):
        """The rows: `row["name"]` in any case, `row[0]`, `row.name` or `row.as_dict()`."""
        return [Row(each) for each in self._run().rows()]

    def to_pandas(self):
        """The rows as a pandas DataFrame."""
        return self._run().to_pandas()

    def _run(self):
        return self._host.query(self._query, self._params)

    def __getattr__(self, name):
        raise _missing("query of a session", name, "collect() and to_pandas()")


class Row(dict):
    """A row by column, and by position as Snowpark's."""

    def __missing__(self, key):
        if isinstance(key, int):
            return list(self.values())[key]
        known = next((name for name in self if isinstance(key, str) and name.lower() == key.lower()), None)
        if known is None:
            raise KeyError(f"{key!r}; the row has {', '.join(self)}")
        return self[known]

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(str(error)) from None

    def as_dict(self):
        return dict(self)


def _missing(what, name, has):
    return AttributeError(
        f"The {what} in context.with_session has no {name}: it has {has}. Write the rest in SQL, or return rows: "
        "they become the run's output."
    )
