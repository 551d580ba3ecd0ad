/** All models of the registry. */
import type { ModelListing } from '../../..';
import { modelAddress } from '../address';
import { useAnswer } from '../parts/use-answer';
import { number, shown } from '../words';

const REFRESH_MS = 10_000;

export function ModelsPage() {
  const { value: models, problem } = useAnswer<ModelListing[]>('models', { everyMs: REFRESH_MS });
  document.title = 'Models · Partwise';
  return (
    <>
      <h1>Models</h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {models === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {models !== null && models.length === 0 && (
        <p class="empty">
          There are no models yet. Train one in a terminal: <code>partwise train</code>
        </p>
      )}
      {models !== null && models.length > 0 && (
        <table class="listing">
          <thead>
            <tr>
              <th>Model</th>
              <th class="wide-only">Trained by</th>
              <th class="wide-only">Key</th>
              <th class="number">Versions</th>
              <th>Aliases</th>
            </tr>
          </thead>
          <tbody>
            {models.map(({ name, definition, keyColumns, versions, aliases }) => (
              <tr key={name}>
                <td>
                  <a class="row-link" href={modelAddress(name)}>
                    {shown(name)}
                  </a>
                </td>
                <td class="wide-only">{shown(definition)}</td>
                <td class="wide-only">{shown(keyColumns.join(', '))}</td>
                <td class="number">{number(versions)}</td>
                <td>
                  {Object.entries(aliases)
                    .map(([alias, version]) => `${shown(alias)} → ${version}`)
                    .join(', ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
