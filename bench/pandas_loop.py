"""The loop that people write: `python pandas_loop.py ROWS.parquet OUT.parquet`. Prints its time and CPU in seconds, without imports."""

import json
import sys
import time

import pandas as pd
from functions import summarize

begin, used = time.perf_counter(), time.process_time()
rows = [{"k": key, **summarize(df)} for key, df in pd.read_parquet(sys.argv[1]).groupby("customer")]
pd.DataFrame(rows).to_parquet(sys.argv[2])
print(json.dumps({"seconds": time.perf_counter() - begin, "cpu": time.process_time() - used}))
