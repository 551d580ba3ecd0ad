/** Which two versions are compared, and by which metric. */
import { useState } from 'preact/hooks';
import type { ModelAnswer } from '../../wire/models';
import { comparisonAddress, go } from '../address';
import { HigherIsBetter, VersionOptions } from '../parts/model-fields';
import { shown } from '../words';

export function CompareForm({ answer: { model, versions, metrics } }: { answer: ModelAnswer }) {
  const newest = versions.at(-1)!.version;
  const [a, setA] = useState(usualBase(versions, newest));
  const [b, setB] = useState(newest);
  const [metric, setMetric] = useState(metrics[0] ?? '');
  const [higher, setHigher] = useState(false);
  if (metrics.length === 0)
    return <p class="empty">The models have no metrics, so that versions cannot be compared.</p>;
  return (
    <form
      class="filters"
      aria-label="Compare"
      onSubmit={(event) => {
        event.preventDefault();
        go(comparisonAddress(model.name, { a, b, metric, higher }));
      }}
    >
      <label>
        Compare{' '}
        <select value={a} onChange={(event) => setA(Number(event.currentTarget.value))}>
          <VersionOptions versions={versions} />
        </select>
      </label>
      <label>
        with{' '}
        <select value={b} onChange={(event) => setB(Number(event.currentTarget.value))}>
          <VersionOptions versions={versions} />
        </select>
      </label>
      <label>
        by{' '}
        <select value={metric} onChange={(event) => setMetric(event.currentTarget.value)}>
          {metrics.map((each) => (
            <option key={each} value={each}>
              {shown(each)}
            </option>
          ))}
        </select>
      </label>
      <HigherIsBetter value={higher} set={setHigher} />
      <button type="submit">Compare</button>
    </form>
  );
}

/** What is in use, else the version before. */
function usualBase(versions: ModelAnswer['versions'], newest: number): number {
  const inUse = versions.findLast(({ aliases, version }) => aliases.length > 0 && version !== newest);
  return (inUse ?? versions.at(-2) ?? versions.at(-1)!).version;
}
