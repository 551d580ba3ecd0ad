/** Columns as users type them: `--by 'region, year'`. */

/** A name and the comma after it: in double quotes (`""` is a quote), or everything up to the comma. */
const NAME = /\s*"((?:[^"]|"")*)"\s*,|([^,]*),/g;

/** The names in comma-separated lists. Names that contain commas or outer spaces are in double quotes. */
export function columnNames(lists: readonly string[]): string[] {
  return lists.flatMap((list) =>
    Array.from(
      `${list},`.matchAll(NAME),
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!.trim(),
    ),
  );
}
