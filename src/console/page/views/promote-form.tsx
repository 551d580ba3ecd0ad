/** Points an alias at a version: first what that would do, then the step. */
import { useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import type { Promotion, PromotionPreview } from '../../..';
import type { ModelAnswer } from '../../wire/models';
import { Action } from '../parts/action';
import { HigherIsBetter, VersionOptions } from '../parts/model-fields';
import { number, plural, shown } from '../words';

export function PromoteForm({
  answer: { model, versions, metrics },
  path,
  onChange,
}: {
  answer: ModelAnswer;
  path: string;
  onChange: () => void;
}) {
  const [version, setVersion] = useState(model.latest);
  const [alias, setAlias] = useState(Object.keys(model.aliases)[0] ?? 'production');
  const [metric, setMetric] = useState('');
  const [higher, setHigher] = useState(false);
  const [preview, setPreview] = useState<{ of: string; answer: PromotionPreview } | null>(null);
  const [done, setDone] = useState<{ of: string; answer: Promotion } | null>(null);
  const body = {
    version,
    alias: alias.trim(),
    ...(metric !== '' && { whereBetter: { metric, higherIsBetter: higher } }),
  };
  const of = JSON.stringify(body);
  const flags =
    metric === '' ? '' : ` --where-better ${shellWord(metric)}${higher ? ' --higher-is-better' : ''}`;
  const command = `partwise models promote ${shellWord(`${model.name}@${version}`)} ${shellWord(body.alias)}${flags}`;
  return (
    <details class="form">
      <summary data-command="">Promote …</summary>
      <div class="filters">
        <label>
          Version{' '}
          <select value={version} onChange={(event) => setVersion(Number(event.currentTarget.value))}>
            <VersionOptions versions={versions} />
          </select>
        </label>
        <label>
          to <input value={alias} onInput={(event) => setAlias(event.currentTarget.value)} />
        </label>
        <label>
          models{' '}
          <select value={metric} onChange={(event) => setMetric(event.currentTarget.value)}>
            <option value="">all</option>
            {metrics.map((each) => (
              <option key={each} value={each}>
                where {shown(each)} is better
              </option>
            ))}
          </select>
        </label>
        {metric !== '' && <HigherIsBetter value={higher} set={setHigher} />}
        <Action<PromotionPreview>
          label="Preview"
          path={`${path}/promote/preview`}
          body={body}
          command={`${command} --dry-run`}
          onDone={(answer) => setPreview({ of, answer })}
        />
      </div>
      {preview?.of === of && done?.of !== of && (
        <>
          <p role="status">{promotionText(preview.answer, 'would be')}</p>
          <Action<Promotion>
            label="Promote"
            path={`${path}/promote`}
            body={body}
            command={command}
            disabled={preview.answer.version === preview.answer.before}
            onDone={(answer) => {
              setDone({ of, answer });
              onChange();
            }}
          />
        </>
      )}
      {done?.of === of && <p role="status">{promotionText(done.answer, 'is')}</p>}
    </details>
  );
}

function promotionText(
  { alias, version, before, taken, kept, otherRows }: PromotionPreview,
  verb: string,
): string {
  const now = version === null ? 'a new version' : `version ${version}`;
  const was = before === null ? 'a new alias' : version === before ? 'as before' : `was ${before}`;
  const counts = taken === null ? '' : `: ${plural(taken, 'model')} taken, ${number(kept ?? 0)} kept`;
  const other =
    otherRows === null || otherRows === 0
      ? ''
      : ` (${number(otherRows)} of them measured on a different holdout, so that they cannot be compared)`;
  return `${shown(alias)} ${verb} ${now} (${was})${counts}${other}.`;
}
