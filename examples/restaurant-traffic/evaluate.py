"""Compares the forecasts of December 2025 with what happened, per restaurant, and draws forecast.svg.

The baseline is seasonal-naive: the last known week, repeated.
"""

import datetime

import pandas as pd

WEEK = 7 * 86_400
FORECASTS = {"Python": "forecast_python.parquet", "TypeScript": "forecast_typescript.parquet"}
COLOURS = {"what happened": "#888", "last week": "#c9a227", "Python": "#0b6bcb", "TypeScript": "#c2410c"}

keys = ["STORE_ID", "EPOCH"]
traffic = pd.read_parquet("traffic.parquet")
compared = traffic.rename(columns={"HOURLY_TRAFFIC": "what happened"})
for name, file in FORECASTS.items():
    forecast = pd.read_parquet(file)[[*keys, "prediction"]].rename(columns={"prediction": name})
    assert (forecast[name] >= 0).all(), f"{name} forecasts less than no guests"
    compared = compared.merge(forecast, on=keys)
first = compared["EPOCH"].min()
compared["before"] = compared["EPOCH"] - WEEK * (1 + (compared["EPOCH"] - first) // WEEK)
last_week = traffic.rename(columns={"EPOCH": "before", "HOURLY_TRAFFIC": "last week"}).drop(columns="COLLEGE_TOWN")
compared = compared.merge(last_week, on=["STORE_ID", "before"])

names = ["last week", *FORECASTS]
errors = compared[names].sub(compared["what happened"], axis=0).abs()
scores = errors.groupby(compared["STORE_ID"]).mean()
scores.insert(0, "guests a day", compared.groupby("STORE_ID")["what happened"].mean() * 24)
scores.insert(0, "college town", compared.groupby("STORE_ID")["COLLEGE_TOWN"].first().map({0: "", 1: "yes"}))
print(scores.round(2).to_string())
print(f"\nmean absolute error: {', '.join(f'{name} {errors[name].mean():.2f}' for name in names)}")


def lines(shown, left, top, width, height):
    """Guests per hour in one restaurant."""
    highest = shown[list(COLOURS)].max().max()
    step = width / (len(shown) - 1)
    for day in range(0, len(shown), 24):
        x = left + day * step
        text = datetime.datetime.fromtimestamp(shown["EPOCH"].iloc[day], datetime.timezone.utc).strftime("%a %d %b")
        yield f'<path d="M{x:.0f},{top}V{top + height}" stroke="#eee"/>'
        yield f'<text x="{x + 12 * step:.0f}" y="{top + height + 18}" text-anchor="middle">{text}</text>'
    for guests in (0, highest):
        y = top + height - height * guests / highest
        yield f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{guests:.0f}</text>'
    for name, colour in COLOURS.items():
        points = " ".join(
            f"{left + i * step:.1f},{top + height - height * value / highest:.1f}"
            for i, value in enumerate(shown[name])
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def bars(left, top, width, height):
    """The error in each restaurant."""
    highest = scores[names].max().max()
    step = width / len(scores)
    for i, (store, row) in enumerate(scores.iterrows()):
        for j, name in enumerate(names):
            tall = height * row[name] / highest
            x = left + i * step + (0.2 + 0.2 * j) * step
            yield (
                f'<rect x="{x:.1f}" y="{top + height - tall:.1f}" width="{0.17 * step:.1f}" height="{tall:.1f}" '
                f'fill="{COLOURS[name]}"/>'
            )
        yield f'<text x="{left + (i + 0.5) * step:.0f}" y="{top + height + 18}" text-anchor="middle">store {store}</text>'
    for error in (0, highest):
        y = top + height - height * error / highest
        yield f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{error:.1f}</text>'


store = 1
week = compared[(compared["STORE_ID"] == store) & (compared["EPOCH"] < first + WEEK)].sort_values("EPOCH")
legend = "".join(
    f'<tspan fill="{colour}" font-weight="bold">{name}</tspan><tspan>{"   "}</tspan>'
    for name, colour in COLOURS.items()
)
picture = [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1100 620" font-family="sans-serif" font-size="12" fill="#444">',
    '<rect width="1100" height="620" fill="#fff"/>',
    f'<text x="60" y="30" font-size="16">Store {store}: guests per hour, forecast for the first week of December</text>',
    f'<text x="60" y="52" xml:space="preserve">{legend}</text>',
    *lines(week, 60, 70, 1010, 220),
    '<text x="60" y="360" font-size="16">Mean absolute error per hour in December (lower is better)</text>',
    *bars(60, 380, 1010, 200),
    "</svg>",
]
with open("forecast.svg", "w", encoding="utf-8") as file:
    file.write("\n".join(picture) + "\n")
print("picture: forecast.svg")
