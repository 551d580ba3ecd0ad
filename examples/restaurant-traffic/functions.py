import numpy as np
import pandas as pd
from partwise import partition_model
from sklearn.ensemble import HistGradientBoostingRegressor


def features_of(df):
    time = pd.to_datetime(df["EPOCH"], unit="s")
    return pd.DataFrame({"hour": time.dt.hour, "weekday": time.dt.day_of_week, "day_of_year": time.dt.day_of_year})


@partition_model(name="traffic")
class Traffic:
    def train(self, data, context):
        df = data.to_pandas()
        # Recent weeks count more: a year ago, half as much.
        years_ago = (df["EPOCH"].max() - df["EPOCH"]) / (365 * 86_400)
        # Forecasts of the Poisson loss are never below 0.
        model = HistGradientBoostingRegressor(loss="poisson", max_iter=200, random_state=0)
        return model.fit(features_of(df), df["HOURLY_TRAFFIC"], sample_weight=0.5**years_ago)

    def predict(self, model, data, context):
        return model.predict(features_of(data.to_pandas()))

    def metrics(self, model, data, context):
        df = data.to_pandas()
        error = model.predict(features_of(df)) - df["HOURLY_TRAFFIC"]
        return {"mae": error.abs().mean(), "rmse": np.sqrt((error**2).mean())}
