/**
 * The partitions of a unit that are files. Nothing is asked about a file before the function asks. Small
 * files are then read together with those that follow, as a window, because a query for each takes longer
 * than most functions; the others are read alone.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { LocalFile } from '../core/unit-plan';
import { queryRows } from '../duckdb/database-file';
import { PATH } from '../duckdb/file-texts';
import { literal } from '../duckdb/quote';
import { eachFile } from '../files/small-files';
import type { HeldRows, PartitionRows } from '../rows/partition-rows';
import type { Shape, Slice } from '../rows/slices';
import { checkPin, isStill } from './file-pins';
import { fileTable } from './file-rows';
import { queryWindow, readWindow, type WindowFile } from './file-window';
import type { IndexedPartition } from './unit-index';

/** Larger files are read alone. */
const SMALL = { bytes: 1024 * 1024, rows: 50_000 };
/** What a window has at most. */
const WINDOW = { files: 256, bytes: 8 * SMALL.bytes, rows: SMALL.rows };
/** The temporary table with the rows of a window, for SQL. */
const TABLE = '__partwise_files';

/** A partition's file, with the number of rows that planning counted in it. */
type UnitFile = LocalFile & { rows: number };
type Checked = Awaited<ReturnType<typeof checkPin>>;

export class UnitFiles {
  readonly #files: readonly UnitFile[];
  readonly #position: ReadonlyMap<number, number>;
  readonly #checks = new Map<UnitFile, Promise<Checked>>();
  /** Files that cannot be read together with others. */
  readonly #alone = new Set<UnitFile>();
  #held: Promise<ReadonlyMap<string, HeldRows>> = Promise.resolve(new Map());
  /** Paths of the files in each connection's temporary table. */
  readonly #tables = new WeakMap<DuckDBConnection, ReadonlySet<string>>();

  /** `files` are those of `ordinals`, in the same order. */
  constructor(
    private readonly database: DuckDBInstance,
    readonly columns: Column[],
    ordinals: readonly number[],
    files: readonly LocalFile[],
    rowsOf: (ordinal: number) => number,
  ) {
    this.#files = files.map((file, i) => ({ ...file, rows: rowsOf(ordinals[i]!) }));
    this.#position = new Map(ordinals.map((ordinal, i) => [ordinal, i]));
  }

  partition({ ordinal }: Pick<IndexedPartition, 'ordinal'>): FilePartition {
    return new FilePartition(this, this.#files[this.#position.get(ordinal)!]!);
  }

  /** The file by itself, after its pin was checked. */
  async table(file: UnitFile): Promise<PartitionRows> {
    await this.#check(file);
    return fileTable(this.database, file.path, { rowCount: file.rows, columns: this.columns });
  }

  /** All rows of a small file. */
  async read(file: UnitFile): Promise<HeldRows> {
    const loaded = this.#held.then((held) => (held.has(file.path) ? held : this.#load(file)));
    this.#held = loaded.catch(() => new Map());
    return (await loaded).get(file.path)!;
  }

  /** The definition of the view of a small file's rows. */
  async view(file: UnitFile, connection: DuckDBConnection): Promise<string> {
    const isLoaded =
      this.#tables.get(connection)?.has(file.path) === true || (await this.#loadTable(file, connection));
    if (!isLoaded) return (await this.table(file)).view(connection);
    return `SELECT * EXCLUDE (${PATH}) FROM ${TABLE} WHERE ${PATH} = ${literal(file.path)}`;
  }

  /** Throws `SourceChanged` if the file has changed since it was read, or, if it was not, since planning. */
  async assertUnchanged(file: UnitFile): Promise<void> {
    const before = (await this.#checks.get(file)) ?? file;
    if (!isStill(file, before)) await checkPin(file);
  }

  /** Reads the file, with others if possible. */
  async #load(file: UnitFile): Promise<ReadonlyMap<string, HeldRows>> {
    let held: ReadonlyMap<string, HeldRows> = new Map();
    const loaded = await this.#together(file, async (window) => {
      held = await readWindow(this.database, window, this.columns);
      return new Map([...held].map(([path, { slices }]) => [path, countOf(slices)]));
    });
    if (loaded.has(file.path)) return new Map([...held].filter(([path]) => loaded.has(path)));
    await this.#check(file);
    return readWindow(this.database, [{ path: file.path, dialect: null }], this.columns);
  }

  /** Returns false if the file must be read alone. */
  async #loadTable(file: UnitFile, connection: DuckDBConnection): Promise<boolean> {
    const loaded = await this.#together(file, async (window) => {
      await queryWindow(connection, window, this.columns, (select) =>
        connection.run(`CREATE OR REPLACE TEMP TABLE ${TABLE} AS ${select}`),
      );
      const counts = await queryRows<{ path: string; n: number }>(
        connection,
        `SELECT ${PATH} AS path, count(*)::DOUBLE AS n FROM ${TABLE} GROUP BY ${PATH}`,
      );
      return new Map(counts.map(({ path, n }) => [path, n]));
    });
    this.#tables.set(connection, loaded);
    return loaded.has(file.path);
  }

  /**
   * Reads the file and those that follow, and returns the paths of those whose rows are the planned ones. The
   * others are then read alone, so that what is wrong with one file fails only its partition.
   *
   * @param read returns the number of rows of each file that has any
   */
  async #together(
    file: UnitFile,
    read: (window: readonly WindowFile[]) => Promise<ReadonlyMap<string, number>>,
  ): Promise<ReadonlySet<string>> {
    const loaded = new Set<string>();
    if (this.#alone.has(file)) return loaded;
    const window = await this.#window(file);
    const found = window.map(([{ path }, { dialect }]) => ({ path, dialect }));
    const counts = await read(found).catch(() => null);
    await eachFile(window, ([each, before]) => {
      // enforces I1: a file that was being written meanwhile may be the planned one again when it is checked.
      const isPlanned = (counts?.get(each.path) ?? 0) === each.rows && isStill(each, before);
      if (counts !== null && isPlanned) loaded.add(each.path);
      else this.#alone.add(each);
    });
    return loaded;
  }

  /** The file and small ones that follow it, as they are now. Throws `SourceChanged` for the first only. */
  async #window(first: UnitFile): Promise<[UnitFile, Checked][]> {
    const files: UnitFile[] = [];
    let bytes = 0;
    let rows = 0;
    for (let i = this.#files.indexOf(first); i < this.#files.length && files.length < WINDOW.files; i++) {
      const file = this.#files[i]!;
      if (!isSmall(file) || this.#alone.has(file)) continue;
      bytes += file.bytes;
      rows += file.rows;
      if (files.length > 0 && (bytes > WINDOW.bytes || rows > WINDOW.rows)) break;
      files.push(file);
    }
    const window: [UnitFile, Checked][] = [];
    await this.#check(first);
    await eachFile(files, async (file) => {
      const checked = await this.#check(file).catch(() => null);
      if (checked !== null) window.push([file, checked]);
      // Its own partition reports it.
      else this.#checks.delete(file);
    });
    return window;
  }

  #check(file: UnitFile): Promise<Checked> {
    const check = this.#checks.get(file) ?? checkPin(file);
    this.#checks.set(file, check);
    return check;
  }
}

class FilePartition implements PartitionRows {
  #read: Promise<HeldRows> | null = null;
  #table: Promise<PartitionRows> | null = null;

  constructor(
    private readonly unit: UnitFiles,
    private readonly file: UnitFile,
  ) {}

  get rowCount(): number {
    return this.file.rows;
  }

  get columns(): Column[] {
    return this.unit.columns;
  }

  held(): Promise<HeldRows> | null {
    return isSmall(this.file) ? (this.#read ??= this.unit.read(this.file)) : null;
  }

  async *slices(): AsyncGenerator<{ slice: Slice; shape: Shape }> {
    const held = this.held();
    if (held === null) return yield* (await this.#alone()).slices();
    const { slices, shape } = await held;
    for (const slice of slices) yield { slice, shape };
  }

  async view(connection: DuckDBConnection): Promise<string> {
    if (isSmall(this.file)) return this.unit.view(this.file, connection);
    return (await this.#alone()).view(connection);
  }

  /** As `UnitFiles.assertUnchanged`. */
  assertUnchanged(): Promise<void> {
    return this.unit.assertUnchanged(this.file);
  }

  #alone(): Promise<PartitionRows> {
    return (this.#table ??= this.unit.table(this.file));
  }
}

function isSmall({ bytes, rows }: UnitFile): boolean {
  return bytes <= SMALL.bytes && rows <= SMALL.rows;
}

function countOf(slices: readonly Slice[]): number {
  return slices.reduce((sum, { from, to }) => sum + to - from, 0);
}
