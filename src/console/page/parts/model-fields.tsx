/** Fields of forms about versions of a model. */
import type { ModelAnswer } from '../../wire/models';
import { shown } from '../words';

/** The options of a choice of versions, with their aliases. */
export function VersionOptions({ versions }: Pick<ModelAnswer, 'versions'>) {
  return (
    <>
      {versions.map(({ version, aliases }) => (
        <option key={version} value={version}>
          {version} {shown(aliases.join(', '))}
        </option>
      ))}
    </>
  );
}

/** Which direction of a metric is better. */
export function HigherIsBetter({ value, set }: { value: boolean; set: (value: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} /> higher
      is better
    </label>
  );
}
