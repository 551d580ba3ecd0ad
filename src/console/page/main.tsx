import { render } from 'preact';
import './app.css';
import { App } from './app';
import { contentsOfFile } from './file/contents';
import { fileSource } from './file/file-source';
import { served, takeToken } from './served';
import { open } from './session';
import { applyTheme } from './theme';

const root = document.getElementById('app')!;
applyTheme();
try {
  const run = await contentsOfFile();
  if (run === null) {
    takeToken();
    open(served);
  } else {
    const { now, isRedacted, partitions, results, lacksResults } = run.head;
    const { runId, asOf } = now.state;
    const exact = run.exact.ordinals.length;
    const pages = new Set(partitions.map(({ view }) => view.id));
    open(fileSource(run), {
      runId,
      asOf,
      isRedacted,
      exact,
      pages,
      hasResults: results !== null,
      lacksResults,
    });
  }
} catch {
  const why = 'This file is incomplete or was changed. Export the run again: partwise export RUN --html FILE';
  render(<p class="refusal">{why}</p>, root);
  throw new Error(why);
}
render(<App />, root);
