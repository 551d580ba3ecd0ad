"""Sales by region with Snowflake's Distributed Partition Function, exactly as it would run there.

Here: python -m partwise regional_sales.py
"""

import json

from snowflake.ml.modeling.distributors.distributed_partition_function.dpf import DPF
from snowflake.ml.modeling.distributors.distributed_partition_function.dpf_run import DPFRun
from snowflake.ml.modeling.distributors.distributed_partition_function.entities import RunStatus
from snowflake.snowpark.context import get_active_session

STAGE = "analytics_stage"
RUN_ID = "regional_analytics_2024"


def process_sales_data(data_connector, context):
    df = data_connector.to_pandas()
    print(f"{context.partition_id}: {len(df)} orders")
    summary = {
        "region": context.partition_id,
        "total_sales": float(df["AMOUNT"].sum()),
        "avg_order_value": float(df["AMOUNT"].mean()),
        "customer_count": int(df["CUSTOMER_ID"].nunique()),
        "record_count": len(df),
    }
    context.upload_to_stage(summary, "sales_summary.json", write_function=write_json)


def write_json(value, path):
    with open(path, "w") as file:
        json.dump(value, file)


def read_json(path):
    with open(path) as file:
        return json.load(file)


session = get_active_session()
dpf = DPF(process_sales_data, STAGE)
run = dpf.run(
    partition_by="REGION",
    snowpark_dataframe=session.table("SALES_DATA"),
    run_id=RUN_ID,
    on_existing_artifacts="overwrite",
)
status = run.wait()

if status == RunStatus.SUCCESS:
    total = 0
    for region, details in run.partition_details.items():
        summary = details.stage_artifacts_manager.get("sales_summary.json", read_function=read_json)
        total += summary["total_sales"]
        print(f"{region:<6} {summary['record_count']:>6} orders {summary['total_sales']:>12,.2f}")
    print(f"total  {total:>26,.2f}")
else:
    for region, details in run.partition_details.items():
        if details.status != "DONE":
            print(f"{region} ended as {details.status}:\n{details.logs}")

# Another program, on another day, reads the same results without running anything.
restored = DPFRun.restore_from(RUN_ID, STAGE)
print(restored.status, sorted(restored.partition_details["North"].stage_artifacts_manager.list()))
