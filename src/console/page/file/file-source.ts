/** The file that the page is in as its source: answers what the console would, for one run. */
import { answerMatrix } from '../../table/matrix';
import {
  answerFigures,
  answerPosition,
  answerTable,
  selectSorted,
  selection,
  type SortedPartitions,
} from '../../table/table-answers';
import type { ExportedRun } from '../../wire/export';
import type {
  Figures,
  PartitionFilter,
  PositionRequest,
  ProjectInfo,
  TableAnswer,
  TableQuery,
} from '../../wire/types';
import { Refused, type Source } from '../session';
import { idsOf, tableOf } from './table';

export function fileSource(run: ExportedRun): Source {
  const { head, cells, artifacts } = run;
  const { runId, executions } = head.now.state;
  const table = tableOf(run);
  const ids = idsOf(run);
  const project: ProjectInfo = {
    name: '',
    version: head.version,
    user: null,
    readOnly: true,
    hasProject: false,
    source: 'this file',
  };

  const rowsOf = (question: Pick<TableQuery, 'filter' | 'sort'>): Promise<SortedPartitions> =>
    selectSorted(table, question, (filter) => selection(table, ids, filter));

  return async (path, { body }) => {
    const { pathname, searchParams } = new URL(path, 'http://file/');
    const [first, name, what = '', ...rest] = pathname.slice(1).split('/').map(decodeURIComponent);
    if (first === 'project') return Response.json(project);
    if (first !== 'runs' || name === undefined) throw notInFile();
    const execution = searchParams.get('execution');
    const isOther = execution !== null && execution !== executions.at(-1)?.workflowRunId;
    if (name !== runId || isOther)
      throw new Refused(
        'NoSuchRun',
        `This file has only the run "${runId}", as it was after its execution ${executions.at(-1)?.execution ?? 1}.`,
      );
    if (what === 'partitions') return partitionAnswer(head.partitions, artifacts, rest, searchParams, body);
    switch ([what, ...rest].join('/')) {
      case '':
        return Response.json(head.now);
      case 'stream':
        return new Response(`event: run\ndata: ${JSON.stringify(head.now)}\n\nevent: still\ndata: \n\n`);
      case 'cells':
        return new Response(cells as Uint8Array<ArrayBuffer>);
      case 'units':
        return Response.json(head.units);
      case 'matrix':
        return Response.json(await answerMatrix(table, ids, head.now.state));
      case 'table': {
        const question = body as TableQuery;
        return Response.json({
          version: head.now.version,
          ...(await answerTable(table, ids, await rowsOf(question), question)),
        } satisfies TableAnswer);
      }
      case 'position': {
        const { to, ...question } = body as PositionRequest;
        return Response.json(await answerPosition(table, ids, (await rowsOf(question)).ordinals, to));
      }
      case 'figures': {
        const { filter } = body as { filter: PartitionFilter };
        const figures = await answerFigures(table, ids, await selection(table, ids, filter));
        return Response.json({ version: head.now.version, ...figures } satisfies Figures);
      }
      case 'results':
        return Response.json(head.results?.page ?? null);
      case 'results/columns':
        return Response.json(head.results?.figures ?? null);
      default:
        throw notInFile();
    }
  };
}

/** What the console answers about one partition: `rest` is its id, and what is asked for. */
function partitionAnswer(
  partitions: ExportedRun['head']['partitions'],
  contents: Uint8Array,
  [id, what = '']: readonly string[],
  parameters: URLSearchParams,
  body: unknown,
): Response {
  const found = partitions.find(({ view }) => view.id === id);
  if (found === undefined) throw notInFile();
  const artifactOf = (name: string | null) => {
    const artifact = found.artifacts.find((each) => each.name === name);
    if (artifact === undefined) throw notInFile();
    return artifact;
  };
  switch (what) {
    case '':
      return Response.json(found.view);
    case 'rows':
      if (found.rows === null) throw notInFile();
      return Response.json(found.rows);
    case 'preview':
      return Response.json(artifactOf((body as { name: string }).name).preview);
    case 'artifact': {
      const { at, preview } = artifactOf(parameters.get('name'));
      return new Response(contents.slice(at, at + preview.totalBytes));
    }
    default:
      throw notInFile();
  }
}

function notInFile(): Refused {
  return new Refused(
    'NotInFile',
    'This file does not contain it. In the project, partwise console shows everything about the run.',
  );
}
