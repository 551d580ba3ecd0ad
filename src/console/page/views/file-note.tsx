/** What an exported file contains, and what it does not. */
import { file } from '../session';
import { number, plural, time } from '../words';

export function FileNote({ total }: { total: number }) {
  if (file === null) return null;
  const { asOf, isRedacted, exact, pages, lacksResults } = file;
  const sentences = [
    `This file shows the run as it was at ${time(asOf)}.`,
    ...(exact < total ? partly(exact, total) : []),
    ...(exact < total && !isRedacted
      ? [`Only these ${number(exact)} have ids and are found by search.`]
      : []),
    ...(pages.size > 0
      ? [
          `${plural(pages.size, 'partition')} ${pages.size === 1 ? 'has a page' : 'have pages'} in the file: failed ones, and those whose artifacts it has.`,
        ]
      : []),
    ...(lacksResults
      ? ['Rows that the functions returned could not be read when it was written, and are not in it.']
      : []),
    ...(isRedacted
      ? ['Keys, messages, and names of tables and workers were left out; partitions have numbers instead.']
      : []),
  ];
  return <p class="note">{sentences.join(' ')}</p>;
}

function partly(exact: number, total: number): string[] {
  return [
    `It has exact values of ${number(exact)} of ${number(total)} partitions: failed, slowest, largest and first ones.`,
    'Times and counts of the others, marked ≈, are within 5 %, and their start is not in the file.',
  ];
}
