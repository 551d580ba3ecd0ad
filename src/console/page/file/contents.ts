/** Reads what the file that the page is in contains. */
import { DATA_ID, decodeExport, type ExportedRun } from '../../wire/export';

/** Null if the page is the console's own. Rejects if the file is cut off or was changed. */
export async function contentsOfFile(): Promise<ExportedRun | null> {
  const element = document.getElementById(DATA_ID);
  if (element === null) return null;
  const text = atob(element.textContent ?? '');
  // The page needs it no more.
  element.remove();
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return decodeExport(new Uint8Array(await new Response(unpacked).arrayBuffer()));
}
