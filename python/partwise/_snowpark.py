"""What drivers use of Snowpark around their runs, without Snowpark: names of tables and queries."""

from .dpf import scale_cluster

__all__ = ["Session", "SnowflakeLoginOptions", "get_active_session", "scale_cluster"]


def SnowflakeLoginOptions(connection_name="", **_):
    """Connections are the worker's: its project names the warehouse."""
    return {"connection_name": connection_name}


class _Builder:
    """`Session.builder`: what it is given is the worker's to know."""

    def configs(self, _=None, **__):
        return self

    def config(self, *_):
        return self

    def app_name(self, *_):
        return self

    def create(self):
        return Session()

    def getOrCreate(self):
        return Session()


class Session:
    """Names what a run reads: `table(name)`, `sql(query)` and `create_dataframe(frame)`."""

    builder = _Builder()

    def table(self, name):
        return Rows({"table": ".".join(name) if isinstance(name, (list, tuple)) else name})

    def sql(self, query, params=None):
        if params:
            raise NotImplementedError("session.sql with params: write the values into the query, or filter the table.")
        return Rows({"query": query.strip().rstrip(";")})

    def create_dataframe(self, data, schema=None):
        if type(data).__name__ == "DataFrame":
            return data
        import pandas

        return pandas.DataFrame(data, columns=schema)

    def use_warehouse(self, _):
        return None

    use_database = use_schema = use_role = use_warehouse

    def close(self):
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __getattr__(self, name):
        raise AttributeError(
            f"This session has no {name}: Snowpark is not installed. It names what runs read, with table, sql and "
            "create_dataframe. Install snowflake-snowpark-python for the rest."
        )


class Rows:
    """A table or a query that a run reads."""

    def __init__(self, source):
        self.source = source

    def __getattr__(self, name):
        what = " ".join(f"{key} {value}" for key, value in self.source.items())
        raise AttributeError(
            f"The {what} has no {name}: Snowpark is not installed, so rows are only read by runs. Write the rest as "
            "SQL in session.sql, or install snowflake-snowpark-python."
        )


def get_active_session():
    return Session()
