/** Shows the beginning of an artifact, however large it is: rows of a table, or text. */
import type { ArtifactKind, PartitionHandle, Row } from '..';
import { bytesText } from '../display/measures';
import { clean, cleanLines } from '../display/text';
import { renderRows } from './render/rows';
import { aside, paint, print, printJson, widthOfTerminal } from './terminal';

const BINARY: readonly ArtifactKind[] = ['png', 'jpeg', 'gif', 'binary'];

export async function previewArtifact(
  artifacts: PartitionHandle['artifacts'],
  name: string,
  { json = false }: { json?: boolean },
): Promise<void> {
  const { kind, totalBytes, sha256, content, checked } = await artifacts.head(name);
  const table = kind === 'csv' || kind === 'parquet' ? await artifacts.preview(name) : null;
  const text = table !== null || BINARY.includes(kind) ? null : new TextDecoder().decode(content);
  const isChecked = table?.checked ?? checked;
  if (json) return printJson({ name, kind, totalBytes, sha256, checked: isChecked, table, text });
  if (table !== null) {
    const { columns, rows } = table;
    const shown = rows.map((row) => Object.fromEntries(columns.map((each, i) => [each.name, row[i]])) as Row);
    print(renderRows(Object.assign(shown, { columns }), shown.length, widthOfTerminal(), paint));
  } else if (text !== null) print(cleanLines(text.replace(/\n$/, '')));
  const whole = table === null ? text !== null && content.length === totalBytes : !table.more;
  aside(
    `${clean(name)}: ${kind}, ${bytesText(totalBytes)}${whole ? '' : '; to read all of it, omit --preview'}.`,
  );
}
