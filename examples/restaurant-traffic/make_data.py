"""Makes traffic.parquet: guests per hour in restaurants, in 2024 and 2025. Every run makes the same data.

The columns are those of Snowflake's restaurant traffic: EPOCH (seconds since 1970, UTC), STORE_ID, COLLEGE_TOWN and
HOURLY_TRAFFIC. RESTAURANT_STORES is the number of stores (default: 12).
"""

import os

import numpy as np
import pandas as pd

STORES = int(os.environ.get("RESTAURANT_STORES", "12"))
#: Since June 2025, this store opens for lunch only.
CHANGED_STORE, CHANGED = 3, pd.Timestamp("2025-06-01")


def traffic_of(store, times):
    # RandomState, because its numbers are the same in every version of numpy.
    random = np.random.RandomState(store)
    size, growth = random.uniform(15, 60), random.uniform(-0.15, 0.3)
    college_town = store % 3 == 0
    hour, day = times.hour.to_numpy(), times.day_of_year.to_numpy()
    weekend = times.day_of_week.to_numpy() >= 4
    lunch = np.exp(-(((hour - 12.5) / 1.5) ** 2))
    dinner = np.exp(-(((hour - 19) / 2.0) ** 2)) * np.where(weekend, 1.5, 1.0)
    closes = 24 if college_town else 22
    expected = size * (0.8 * lunch + dinner + 0.1) * ((hour >= 10) & (hour < closes))
    expected *= 1 + growth * (times - times[0]).days.to_numpy() / 365
    if college_town:
        in_term = ((day > 14) & (day < 130)) | ((day > 232) & (day < 347))
        expected *= np.where(in_term, 1.3, 0.6)
    else:
        expected *= 1 + 0.15 * np.sin((day - 80) / 365 * 2 * np.pi) + 0.2 * (day > 335)
    if store == CHANGED_STORE:
        expected *= ~((times >= CHANGED) & (hour >= 16))
    return pd.DataFrame(
        {
            "EPOCH": (times - pd.Timestamp(0)) // pd.Timedelta("1s"),
            "STORE_ID": store,
            "COLLEGE_TOWN": int(college_town),
            "HOURLY_TRAFFIC": random.poisson(expected),
        }
    )


times = pd.date_range("2024-01-01", "2025-12-31 23:00", freq="h")
traffic = pd.concat([traffic_of(store, times) for store in range(1, STORES + 1)], ignore_index=True)
traffic.to_parquet("traffic.parquet", index=False)
print(f"traffic.parquet: {len(traffic):,} hours of {STORES} restaurants")
