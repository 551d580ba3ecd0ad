/** Programs in Python that start and read runs: `Partwise`, and code written for Snowflake's DPF. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Project } from '../src/index';
import { cli, CLI } from './support/cli';
import { REPOSITORY } from './support/project';
import { hasPython, PYTHON } from './support/python-server';
import { run, userEnvironment } from './support/shell';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-test-'));
  await writeFile(join(folder, 'sales.csv'), 'region,amount\nNorth,1\nNorth,2\nSouth,4\n');
  await writeFile(join(folder, 'helper.py'), 'def total(frame):\n    return int(frame["amount"].sum())\n');
});
afterAll(async () => {
  await cli(folder, ['stop']);
  await rm(folder, { recursive: true, force: true });
});

const environment = () => userEnvironment({ PARTWISE_CLI: CLI, PYTHONPATH: join(REPOSITORY, 'python') });

/** Runs a script. `show(value)` prints a value as a line of JSON; what it showed is returned. */
async function python(script: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(folder, 'driver.py');
  const head = 'import json, sys\ndef show(value): print(json.dumps(value, default=str), flush=True)\n';
  await writeFile(file, `${head}${script}`);
  const { code, stderr, stdout } = await run(PYTHON, [file], folder, { ...environment(), ...env });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { code, stderr, shown: code === 0 ? lines.map((line) => JSON.parse(line) as unknown) : lines };
}

(hasPython ? describe : describe.skip)('a program in Python', () => {
  test('runs its own function for each partition of a frame, and has the rows with their types', async () => {
    const { code, stderr, shown } = await python(`
import decimal, pandas, pyarrow
from partwise import Partwise, partition_function
import helper

class Summary:
    def __init__(self, scale): self.scale = scale
    def of(self, frame): return helper.total(frame) * self.scale

summary = Summary(10)

def summarise(data, context):
    frame = data.to_pandas()
    print("rows of", context.partition_id)
    return {"orders": len(frame), "total": summary.of(frame), "wide": 2**80, "exact": decimal.Decimal("1.10")}

frame = pandas.DataFrame({"region": ["North", "South", None, "New York"] * 2, "amount": range(8)})
with Partwise() as partwise:
    run = partwise.start(summarise, frame, by="region", run_id="frame", max_concurrency=2)
    state = run.wait(show_progress=True)
    show([state.status, state.counts.get("DONE"), run.status == "SUCCESS", f"{run.status}"])
    show(run.results(to="rows"))
    show([str(run.results(to="arrow").schema.field(name).type) for name in ("wide", "exact")])
    show([str(run.results()[name].dtype) for name in ("orders", "exact")])
    show([[each.id, each.key["region"], each.logs] for each in run.partitions(status="DONE")])
    show([each.run_id for each in partwise.runs(status="SUCCESS")])

    @partition_function(name="count-rows")
    def count(data, context): return {"n": len(data)}

    def größe(data, context): return {"n": len(data)}

    class Counter:
        def count(self, data, context): return {"n": len(data)}

    for function in (count, größe, lambda data, context: {"n": len(data)}, Counter().count):
        run = partwise.start(function, "sales.csv", by="region")
        show([run.wait()["function"], run.results()["n"].tolist()])
    show(sorted([line.partition, line.text] for line in partwise.run("frame").logs())[1])
`);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/Processing partitions: 100%\|█{10}\| 4\/4 /),
    });
    const rows = [
      { region: 'New York', total: 100 },
      { region: 'North', total: 40 },
      { region: 'South', total: 60 },
      { region: null, total: 80 },
    ];
    expect(shown).toEqual([
      ['SUCCESS', 4, true, 'RunStatus.SUCCESS'],
      rows.map((row) => ({ ...row, orders: 2, wide: '1208925819614629174706176', exact: '1.10' })),
      ['decimal128(38, 0)', 'decimal128(3, 2)'],
      ['int64', 'float64'],
      [
        ['New%20York', 'New York', 'rows of New York\n'],
        ['North', 'North', 'rows of North\n'],
        ['South', 'South', 'rows of South\n'],
        ['%-', null, 'rows of None\n'],
      ],
      ['frame'],
      ['count-rows', [2, 1]],
      ['function', [2, 1]],
      ['function', [2, 1]],
      ['count', [2, 1]],
      ['New%20York', 'rows of New York'],
    ]);
    // The rows are pinned: the file of the frame is not needed any more.
    expect(await readdir(join(folder, '.partwise', 'inputs'))).toEqual([]);
  });

  test('has the lines of a function that it sent, around the place of its error', async () => {
    const { code, stderr, shown } = await python(`
from partwise import Partwise

def broken(data, context):
    # “Köln” 🏙 \\udc80
    raise ValueError("as asked")  

with Partwise() as partwise:
    run = partwise.start(broken, "sales.csv", by="region", retry={"maximum_attempts": 1})
    run.wait()
    [failure] = run.failures()
    show([failure.examples[0].function_digest, failure.place.file, failure.place.line])
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [digest, file, line] = shown[0] as [string, string, number];
    const project = await Project.open({ projectDir: folder });
    const excerpt = await project.source(digest, { file, line });
    expect(excerpt).toMatchObject({
      // The lines around the function were not sent.
      lines: ['def broken(data, context):', '    # “Köln” 🏙 \\udc80', '    raise ValueError("as asked")  '],
      from: line - 2,
      isCurrent: true,
    });
    await writeFile(join(folder, 'driver.py'), 'pass\n');
    expect(await project.source(digest, { file, line })).toMatchObject({ isCurrent: false });
    expect(await project.source(digest, { file, line: 1 })).toBeNull();
  });

  test('finds causes, retries one of them, and compares the executions', async () => {
    const { code, stderr, shown } = await python(`
import datetime, os
from partwise import CannotCompare, Partwise, UpdateRefused

def checked(data, context):
    print("looking at", context.partition_id)
    if not os.path.exists(context.params["fixed"]):
        raise ValueError("no rates yet") if context.partition_id == "North" else KeyError("rates")
    return {"n": len(data)}

fixed = os.path.join(os.getcwd(), "fixed")
with Partwise() as partwise:
    run = partwise.start(
        checked, "sales.csv", by="region", run_id="causes", params={"fixed": fixed}, retry={"maximum_attempts": 1}
    )
    run.wait()
    show(sorted([group.type, group.count, group.ordinals] for group in run.failures()))
    open(fixed, "w").close()
    show(run.preview_retry(failed_with="ValueError"))
    run.retry(failed_with="ValueError").wait()
    first, both = partwise.run("causes", execution=1), partwise.run("causes")
    comparison = first.compare(both, examples=1)
    show([comparison.a.execution, comparison.b.execution, comparison.different, comparison.differences["status"]])
    show([comparison.examples[0].id, comparison.examples[0].a.status, comparison.examples[0].b.status])
    page = both.partition("North").log_page(search="LOOKING", limit=1)
    show([[line.execution, line.text] for line in page.lines])
    hour = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    show([[each.run_id, each.counts.DONE] for each in partwise.runs(text="causes", started_from=hour)])
    show([each.run_id for each in partwise.runs(text="causes", started_before=hour)])
    try: both.preview_skip("South")
    except Exception as error: show(type(error).__name__)
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(shown).toEqual([
      [
        ['KeyError', 1, '1'],
        ['ValueError', 1, '0'],
      ],
      { partitions: 1, ordinals: '0' },
      [1, 2, 1, 1],
      ['North', 'FAILED', 'DONE'],
      [[2, 'looking at North']],
      [['causes', 1]],
      [],
      'RunEnded',
    ]);
  });

  test('is told what is wrong, before anything runs', async () => {
    const { code, stderr, shown } = await python(`
import datetime, multiprocessing, pandas, threading
from partwise import Partwise, NoSuchRun, NoSuchPartition, PartwiseError, StartRefused

def refused(what):
    try: what()
    except (PartwiseError, TypeError, ValueError) as error:
        show([type(error).__name__, str(error), isinstance(error, (KeyError, TimeoutError))])

lock = threading.Lock()
def locks(data, context):
    with lock: return None

with Partwise() as partwise:
    refused(lambda: partwise.start("sql", "sales.csv", by="regio", sql="SELECT 1 AS n"))
    refused(lambda: partwise.start("sql", "sales.csv", by="region", max_concurency=3))
    retry = {"max_attempts": 3, "by_error_type": {}}
    refused(lambda: partwise.start("sql", "sales.csv", by="region", sql="SELECT 1 AS n", retry=retry))
    refused(lambda: partwise.start(locks, "sales.csv", by="region"))
    def imports(data, context):
        import helper
        return {"n": helper.total(data.to_pandas())}

    refused(lambda: partwise.start(imports, "sales.csv", by="region"))
    refused(lambda: partwise.start("sql", pandas.DataFrame({"region": ["N"]}), by="regio", sql="SELECT 1 AS n"))
    refused(lambda: partwise.start("sql", pandas.DataFrame(), by="region", sql="SELECT 1 AS n"))
    refused(lambda: partwise.run("frame").set(fail_fast=True))
    refused(lambda: list(partwise.runs(functon="locks")))
    refused(lambda: list(partwise.runs(started_from=datetime.datetime(2026, 1, 1))))
    refused(lambda: partwise.run("frame", execution=7))
    refused(lambda: partwise.run("frame").skip())
    refused(lambda: partwise.start("sql", 7, by="region"))
    two = pandas.DataFrame([[1, 2, 3]], columns=["region", "a", "a"])
    refused(lambda: partwise.start("sql", two, by="region"))
    refused(lambda: partwise.start("sql", "sales.csv", by="region", params={"day": pandas.Timestamp("2026-01-01")}))
    refused(lambda: partwise.start("sql", "seles.csv", by="region", sql="SELECT 1 AS n"))
    refused(lambda: partwise.run("fram").state())
    refused(lambda: partwise.run("frame").partition("Nort"))
    refused(lambda: partwise.run("frame").results(to="numpy"))
    refused(lambda: partwise.run("frame").partition("North").artifacts.get("summary.json"))
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=lambda: refused(partwise.run("frame").state))
    sys.stdout.flush()
    child.start()
    child.join()
    closed = partwise.run("frame")
refused(closed.state)
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(shown).toEqual([
      ['StartRefused', expect.stringContaining('Did you mean "region"?'), false],
      [
        'TypeError',
        expect.stringMatching(
          /^A run: "max_concurency" is not a setting\. Did you mean "max_concurrency"\? These are: allow_empty, /,
        ),
        false,
      ],
      ['TypeError', expect.stringMatching(/^A run: "retry\.max_attempts".* mean "maximum_attempts"/), false],
      ['TypeError', expect.stringMatching(/^locks cannot be sent to other processes: .*lock/), false],
      [
        'TypeError',
        expect.stringMatching(
          /^imports cannot be sent to other processes: imports imports the local module helper when it is called, .*driver\.py:\d+\)\. Import it at the top/,
        ),
        false,
      ],
      [
        'StartRefused',
        'There is no column "regio" in the DataFrame. Did you mean "region"? It has: "region".',
        false,
      ],
      ['ValueError', 'The DataFrame cannot be read by a run. It has no columns.', false],
      ['TypeError', expect.stringContaining("unexpected keyword argument 'fail_fast'"), false],
      ['TypeError', expect.stringMatching(/runs\(\) got an unexpected keyword argument 'functon'/), false],
      ['ValueError', expect.stringMatching(/has no time zone, so the moment is not known/), false],
      ['ValueError', 'The run frame has no execution 7; it has 1.', false],
      ['TypeError', expect.stringMatching(/^Name the partitions to skip, or select them by number/), false],
      ['TypeError', expect.stringMatching(/^A run cannot read an int\. Pass a table's name, /), false],
      [
        'ValueError',
        expect.stringMatching(/^The DataFrame cannot .* two columns "a".* Rename one\.$/),
        false,
      ],
      [
        'TypeError',
        expect.stringMatching(/^start takes values of JSON: .*Timestamp.* Convert them first/),
        false,
      ],
      ['StartRefused', expect.stringContaining('seles.csv'), false],
      ['NoSuchRun', expect.stringContaining('Did you mean "frame"?'), false],
      ['NoSuchPartition', expect.stringContaining('Did you mean "North"?'), true],
      ['ValueError', `to is 'numpy'; use one of 'pandas', 'arrow', 'polars', 'rows'.`, false],
      ['NoSuchArtifact', expect.stringContaining('"summary.json"'), false],
      [
        'HostError',
        expect.stringMatching(/^This process was forked .* Connect here too: Partwise\(\)/),
        false,
      ],
      ['HostError', expect.stringMatching(/^This connection is closed\./), false],
    ]);
  });

  test('cannot do without the Node package, and says where it looked', async () => {
    const script =
      'from partwise import Partwise, HostError\ntry: Partwise()\nexcept HostError as error: show(str(error))';
    const missing = await python(script, { PARTWISE_CLI: join(folder, 'none.js') });
    expect(missing.shown).toEqual([
      expect.stringMatching(/^PARTWISE_CLI is ".*none\.js", which is not a file\./),
    ]);
    const withoutNode = await python(script, { PATH: '/nowhere' });
    expect(withoutNode.shown).toEqual([expect.stringMatching(/^Partwise needs Node 20\.3 or newer/)]);
    const other = join(folder, 'old-partwise');
    await writeFile(other, '#!/bin/sh\necho \'{"ready": true, "version": "9.0.0", "protocol": 9}\'\ncat\n', {
      mode: 0o755,
    });
    expect((await python(script, { PARTWISE_CLI: other })).shown).toEqual([
      expect.stringMatching(
        /speaks protocol 1, but the Node package 9\.0\.0 speaks 9\. Install the same version/,
      ),
    ]);
  });
});

const PROCESS_SALES_DATA = `
def process_sales_data(data_connector, context):
    df = data_connector.to_pandas()
    print(f"Processing partition: {context.partition_id} with {len(df)} records")
    if context.partition_id == "West":
        raise RuntimeError("no West")
    summary = {"region": context.partition_id, "total_sales": float(df["amount"].sum()), "record_count": len(df)}
    context.upload_to_stage(
        summary, "sales_summary.json", write_function=lambda obj, path: json.dump(obj, open(path, "w"))
    )
`;

(hasPython ? describe : describe.skip)("code written for Snowflake's DPF", () => {
  test('runs with its import lines changed', async () => {
    const { code, stderr, shown } = await python(`
import pandas
from partwise.dpf import DPF, ExecutionOptions
${PROCESS_SALES_DATA}
sales = pandas.DataFrame({"region": ["North", "South", "West", "New York", None] * 4, "amount": [1.5] * 20})
dpf = DPF(process_sales_data, "analytics_stage")
run = dpf.run(
    partition_by="region", snowpark_dataframe=sales, run_id="regional_2024",
    execution_options=ExecutionOptions(max_retries=0, num_cpus_per_worker=1),
)
show(run.wait(show_progress=False))
read = lambda path: json.load(open(path))
total = 0
for partition_id, details in run.partition_details.items():
    if details.status == "DONE":
        total += details.stage_artifacts_manager.get("sales_summary.json", read_function=read)["total_sales"]
show(total)
show([[id, details.status, details.logs.splitlines()[0]] for id, details in run.partition_details.items()])
west = run.partition_details["West"]
show([west.partition_id, west.status != "DONE", 'driver.py", line' in west.logs, "RuntimeError: no West" in west.logs])
show({str(status): [each.partition_id for each in several] for status, several in run.get_progress().items()})
show(run.partition_details["New York"].stage_artifacts_manager.list())
show([len(run.partition_details), "None" in run.partition_details, "Nowhere" in run.partition_details])
def echo(data_connector, context): context.upload_to_stage(context.partition_id, "id.pkl")
times = pandas.to_datetime(["2026-01-02 03:04:05.5+00:00", None, "2026-01-02 03:04:05+00:00"], format="ISO8601")
echoed = DPF(echo, "analytics_stage").run("at", pandas.DataFrame({"at": times}), "times")
echoed.wait(show_progress=False)
details = echoed.partition_details
show([[id, each.stage_artifacts_manager.get("id.pkl"), id in details] for id, each in details.items()])
show([len(details.values()), details.get("2026-01-02%2003%3A04%3A05%2B00").partition_id])
try:
    dpf.run(partition_by="region", snowpark_dataframe=sales, run_id="regional_2024")
except Exception as error:
    show([type(error).__name__, str(error)])
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const processing = (name: string) => `Processing partition: ${name} with 4 records`;
    expect(shown).toEqual([
      'PARTIAL_FAILURE',
      24,
      ['New York', 'North', 'South', 'West', 'None'].map((name) => [
        name,
        name === 'West' ? 'FAILED' : 'DONE',
        processing(name),
      ]),
      ['West', true, true, true],
      {
        'PartitionStatus.DONE': ['New York', 'North', 'South', 'None'],
        'PartitionStatus.FAILED': ['West'],
      },
      ['sales_summary.json'],
      [5, true, false],
      ['2026-01-02 03:04:05+00', '2026-01-02 03:04:05.5+00', 'None'].map((text) => [text, text, true]),
      [3, '2026-01-02 03:04:05+00'],
      [
        'StartRefused',
        'The run "regional_2024" already exists. on_existing_artifacts="overwrite" runs all of it again, "resume" ' +
          'what it has left, and DPFRun.restore_from reads it.',
      ],
    ]);
  });

  test('restores a run in another program, and retries what failed on the same rows', async () => {
    const { code, stderr, shown } = await python(`
from partwise.dpf import DPFRun
run = DPFRun.restore_from("regional_2024", "analytics_stage")
show([run.status, run.wait(show_progress=False)])
again = run.retry_failed()
show([again.wait(show_progress=False), [d.partition_id for d in again.partition_details.values() if d.status == "FAILED"]])
try:
    DPFRun.restore_from("regional_2025", "analytics_stage")
except Exception as error:
    show([type(error).__name__, str(error)])
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(shown).toEqual([
      ['PARTIAL_FAILURE', 'PARTIAL_FAILURE'],
      ['PARTIAL_FAILURE', ['West']],
      ['NoSuchRun', expect.stringContaining('Did you mean "regional_2024"?')],
    ]);
  });

  test('trains a model for each partition, and predicts with it', async () => {
    const { code, stderr, shown } = await python(`
import pandas
from partwise.many_model import ManyModelInference, ManyModelTraining

class Mean:
    def __init__(self, value): self.value = value

def train(data_connector, context):
    df = data_connector.to_pandas()
    return None if context.partition_id == "D/E" else Mean(float(df["x"].mean()))

def predict(data_connector, model, context):
    return data_connector.to_pandas().assign(predicted=model.value)

rows = pandas.DataFrame({"city": ["A", None, "D/E"] * 4, "x": range(12)})
run = ManyModelTraining(train, "models").run(partition_by="city", snowpark_dataframe=rows, run_id="training")
show(run.wait(show_progress=False))
show([[each["city"], each["trained_rows"], each["model_file"]] for each in run._run.results(to="rows")])
show([run.get_model("A").value, run.get_model("None").value])
for on_missing in ("error", "skip"):
    inference = ManyModelInference(predict, "models", training_run_id="training", on_missing=on_missing)
    predictions = inference.run(
        partition_by="city", snowpark_dataframe=rows.head(6), run_id="inference", on_existing_artifacts="overwrite"
    )
    show(predictions.wait(show_progress=False))
    show([[id, details.status, (details.error or {}).get("type")] for id, details in predictions.partition_details.items()])
    show(sorted(set(predictions.results()["predicted"])))
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(shown).toEqual([
      'SUCCESS',
      [
        ['A', 4, 'model.pkl'],
        ['D/E', 4, null],
        [null, 4, 'model.pkl'],
      ],
      [4.5, 5.5],
      'PARTIAL_FAILURE',
      [
        ['A', 'DONE', null],
        ['D/E', 'FAILED', 'NoModel'],
        ['None', 'DONE', null],
      ],
      [4.5, 5.5],
      'SUCCESS',
      [
        ['A', 'DONE', null],
        ['D/E', 'DONE', null],
        ['None', 'DONE', null],
      ],
      [4.5, 5.5],
    ]);
  });
});

(hasPython ? describe : describe.skip)("code written for Snowflake's custom models", () => {
  test('keeps them as versions of the registry, and calls a method for each partition', async () => {
    const { code, stderr, shown } = await python(`
import pandas
from partwise import custom_model
from partwise.registry import Registry

class Forecast(custom_model.CustomModel):
    @custom_model.partitioned_api
    def predict(self, X: pandas.DataFrame) -> pandas.DataFrame:
        return pandas.DataFrame({"EPOCH_OUT": X["EPOCH"].iloc[-2:], "PREDICTION": [X["T"].mean()] * 2})

    @custom_model.inference_api
    def double(self, X: pandas.DataFrame) -> pandas.DataFrame:
        return pandas.DataFrame({"doubled": X["T"] * 2})

class Store:
    def __init__(self, factor): self.factor = factor
    def predict(self, rows): return self.factor * rows

class Stores(custom_model.CustomModel):
    @custom_model.partitioned_api
    def predict(self, X):
        store = self.context.model_ref(str(X["STORE_ID"].iloc[0]))
        with open(self.context.path("note")) as file:
            return pandas.DataFrame({"p": [store.predict(len(X))], "note": [file.read()]})

X = pandas.DataFrame({"STORE_ID": [1, 2, 3] * 3, "EPOCH": range(9), "T": [float(i) for i in range(9)]})
with open("note.txt", "w") as file: file.write("hello")
registry = Registry(session=None, database_name="ML", schema_name="MODELS")
first = registry.log_model(
    Forecast(), model_name="forecast", version_name="first", comment="means", metrics={"mae": 1.5},
    options={"function_type": "TABLE_FUNCTION"}, conda_dependencies=["pandas"],
)
show(first.run(X, function_name="predict", partition_column="STORE_ID").values.tolist())
show(first.run(X.head(2), function_name="double")["doubled"].tolist())
stores = {str(i): Store(i) for i in (1, 2, 3)}
context = custom_model.ModelContext(models=stores, artifacts={"note": "note.txt"})
second = registry.log_model(Stores(context), model_name="forecast")
show(second.run(X, partition_column="STORE_ID").values.tolist())
show(second.load().context.model_ref("2").predict(10))
model = registry.get_model("forecast")
show([str(model.default), [each.version_name for each in model.versions()], model.last().version_name])
model.default = second
second.set_alias("production")
first.set_metric("rmse", 2)
show([model.default.version_name, sorted(second.aliases), first.show_metrics(), first.comment])
show(first.show_functions())

def refused(what):
    try: what()
    except Exception as error: show([type(error).__name__, str(error)])

refused(lambda: second.run(X))
refused(lambda: first.run(X, partition_column="STORE_ID"))
refused(lambda: registry.log_model(Forecast(), model_name="forecast", version_name="first"))
refused(lambda: registry.log_model(Store(1), model_name="store"))

class Nothing(custom_model.CustomModel):
    @custom_model.partitioned_api
    def predict(self, X): return None

refused(lambda: registry.log_model(Nothing(), model_name="nothing").run(X, partition_column="STORE_ID"))
refused(lambda: registry.get_model("none"))
registry.delete_model("nothing")
refused(lambda: model.version("third"))
refused(lambda: second.start(X.assign(STORE_ID=9), partition_column="STORE_ID").wait().error and 1 / 0)
registry.delete_model("forecast")
show([each.name for each in registry.models()])
`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(shown).toEqual([
      [
        [1, 3, 3],
        [1, 6, 3],
        [2, 4, 4],
        [2, 7, 4],
        [3, 5, 5],
        [3, 8, 5],
      ],
      [0, 2],
      [1, 2, 3].map((store) => [store, store * 3, 'hello']),
      20,
      ['<ModelVersion forecast first>', ['first', 'v2'], 'v2'],
      ['v2', ['default', 'production'], { mae: 1.5, rmse: 2 }, 'means'],
      [
        { name: 'double', target_method_function_type: 'FUNCTION' },
        { name: 'predict', target_method_function_type: 'TABLE_FUNCTION' },
      ],
      ['ValueError', expect.stringContaining('so run needs partition_column')],
      ['ValueError', 'function_name is missing; the version has double, predict.'],
      ['RegistryError', expect.stringContaining('has a version "first" already')],
      ['TypeError', expect.stringContaining('log_model stores custom models, and this is a Store')],
      [
        'RegistryError',
        expect.stringMatching(/ended as FAILURE: .* predict returned nothing\. Return a DataFrame/),
      ],
      ['RegistryError', 'There is no model "none"; there is forecast, nothing. log_model stores one.'],
      [
        'RegistryError',
        'The model "forecast" has no version "third"; it has first, v2 and the aliases latest, default, production.',
      ],
      ['ZeroDivisionError', 'division by zero'],
      [],
    ]);
  });

  test("runs a driver for Snowflake's modules with no line changed", async () => {
    await writeFile(
      join(folder, 'unchanged.py'),
      `
import sys
from snowflake.snowpark.context import get_active_session
from snowflake.ml.model import custom_model
from snowflake.ml.modeling.distributors.distributed_partition_function.dpf import DPF
from snowflake.ml.modeling.distributors.distributed_partition_function.entities import RunStatus
from snowflake.ml.registry import Registry
${PROCESS_SALES_DATA.replace('json.dump', '__import__("json").dump')}
class Count(custom_model.CustomModel):
    @custom_model.partitioned_api
    def predict(self, X):
        assert custom_model.ModelContext is not None
        return __import__("pandas").DataFrame({"n": [len(X)]})

session = get_active_session()
sales = session.sql("SELECT * FROM 'sales.csv'")
run = DPF(process_sales_data, "analytics_stage").run(
    partition_by="region", snowpark_dataframe=sales, run_id="unchanged")
print(run.wait(show_progress=False) == RunStatus.SUCCESS, sys.argv[1:], list(run.partition_details))
counts = Registry(session=session).log_model(Count(), model_name="count").run(sales, partition_column="region")
print(counts["n"].tolist())
try: sales.filter
except AttributeError as error: print(error)
`,
    );
    const ran = await run(PYTHON, ['-m', 'partwise', 'unchanged.py', '--flag'], folder, environment());
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout.trim().split('\n')).toEqual([
      "True ['--flag'] ['North', 'South']",
      '[2, 1]',
      expect.stringMatching(/^The query SELECT .* has no filter: Snowpark is not installed/),
    ]);
  });
});
