"""Makes warehouse.duckdb with a table of orders, SALES_DATA(REGION, CUSTOMER_ID, AMOUNT, ORDER_DATE).

Every run makes the same data.
"""

import os

import duckdb

if os.path.exists("warehouse.duckdb"):
    os.remove("warehouse.duckdb")
# A form that older versions of DuckDB can read too.
duckdb.sql("ATTACH 'warehouse.duckdb' AS warehouse (STORAGE_VERSION 'v1.2.0')")
duckdb.sql("""
    CREATE TABLE warehouse.SALES_DATA AS
    SELECT ['North', 'South', 'East', 'West'][1 + (hash(i) % 4)::INTEGER] AS REGION,
           format('C{:04d}', 1 + hash(i + 7_000) % 300) AS CUSTOMER_ID,
           (10 + hash(i + 90_000) % 49_000 / 100)::DECIMAL(10, 2) AS AMOUNT,
           DATE '2024-01-01' + (hash(i + 500_000) % 366)::INTEGER AS ORDER_DATE
    FROM range(4_000) orders(i)
""")
print(duckdb.sql("SELECT REGION, count(*) AS orders, sum(AMOUNT) AS total FROM warehouse.SALES_DATA GROUP BY 1 ORDER BY 1"))
