/** What a run would do: its partitions and their sizes. Then its start. */
import { useState } from 'preact/hooks';
import type { PlanPreview, ProjectFunction } from '../../..';
import type { StartedRun } from '../../wire/project';
import { go, query, runAddress, setQuery } from '../address';
import { Action } from '../parts/action';
import { CopyCommand } from '../parts/copy';
import { useAnswer } from '../parts/use-answer';
import { commandOf, formOf, inputOf, queryOf, SOURCES, SQL, type PlanForm } from '../plan-form';
import { canChange } from '../project';
import { shown } from '../words';
import { PlanAnswer } from './plan-answer';

export function PlanPage() {
  const planned = formOf(query.value);
  const [form, setForm] = useState(planned);
  const [runId, setRunId] = useState('');
  const functions = useAnswer<ProjectFunction[]>('functions');
  const isAsked = planned.function !== '';
  const {
    value,
    problem,
    isCurrent: isAnswered,
  } = useAnswer<PlanPreview>(isAsked ? 'plan' : null, {
    body: { input: inputOf(planned) },
  });
  const isCurrent = JSON.stringify(form) === JSON.stringify(planned);
  const set = (changes: Partial<PlanForm>): void => setForm({ ...form, ...changes });
  document.title = 'Plan · Partwise';
  return (
    <>
      <h1>Plan a run</h1>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery(queryOf(form), { push: true });
        }}
      >
        <FunctionField form={form} set={set} functions={functions.value ?? []} />
        <SourceFields form={form} set={set} />
        <MoreFields form={form} set={set} />
        <p class="actions">
          <button type="submit" disabled={form.function === ''}>
            Plan
          </button>
          <CopyCommand command={commandOf('plan', form)} label="Copy as command" />
        </p>
      </form>
      {functions.problem !== null && (
        <p class="warning">The project’s functions cannot be listed: {shown(functions.problem)}</p>
      )}
      {isAsked && problem !== null && (
        <p class="refusal" role="alert">
          {shown(problem)}
        </p>
      )}
      {isAsked && !isAnswered && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {isAsked && value !== null && isAnswered && problem === null && (
        <>
          {canChange() && isCurrent && (
            <div class="filters">
              <label>
                Run id{' '}
                <input
                  value={runId}
                  placeholder="made from function and time"
                  onInput={(event) => setRunId(event.currentTarget.value)}
                />
              </label>
              <Action<StartedRun>
                label="Start the run"
                path="runs"
                body={{ input: inputOf(planned), runId }}
                command={commandOf('run', planned, runId)}
                onDone={(started) => go(runAddress(started.runId))}
              />
            </div>
          )}
          <PlanAnswer plan={value} />
        </>
      )}
    </>
  );
}

interface FieldsProps {
  form: PlanForm;
  set: (changes: Partial<PlanForm>) => void;
}

function FunctionField({ form, set, functions }: FieldsProps & { functions: readonly ProjectFunction[] }) {
  const chosen = functions.find(({ name }) => name === form.function);
  return (
    <>
      <label>
        Function
        <input
          list="functions"
          value={form.function}
          onInput={(event) => set({ function: event.currentTarget.value.trim() })}
        />
        <datalist id="functions">
          {functions.map(({ name }) => (
            <option key={name} value={name} />
          ))}
          <option value={SQL} />
        </datalist>
      </label>
      {chosen !== undefined && <p class="faint">{shown(described(chosen))}</p>}
      {form.function === SQL && (
        <TextField name="sql" label="Query over the view data" form={form} set={set} isLong />
      )}
      {chosen?.model?.task === 'train' && (
        <TextField name="as" label="Register the model as" form={form} set={set} />
      )}
      {chosen?.model?.task === 'predict' && (
        <TextField name="model" label="Model, or MODEL@VERSION" form={form} set={set} />
      )}
      {chosen?.model !== undefined && (
        <TextField name="holdout" label="Holdout condition" form={form} set={set} />
      )}
    </>
  );
}

function SourceFields({ form, set }: FieldsProps) {
  return (
    <>
      <label>
        From
        <span class="pair">
          <select
            value={form.from}
            aria-label="Kind of source"
            onChange={(event) => set({ from: event.currentTarget.value as PlanForm['from'] })}
          >
            {SOURCES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
          {form.from === 'query' ? (
            <textarea
              rows={3}
              value={form.source}
              aria-label="Query"
              onInput={(event) => set({ source: event.currentTarget.value })}
            />
          ) : (
            <input
              value={form.source}
              aria-label="Source"
              placeholder={form.from === 'files' ? 'sales/*.parquet' : 'sales'}
              onInput={(event) => set({ source: event.currentTarget.value })}
            />
          )}
        </span>
      </label>
      <TextField name="by" label="By" placeholder="region, year" form={form} set={set} />
      <TextField name="where" label="Where" placeholder="amount > 0" form={form} set={set} />
    </>
  );
}

function MoreFields({ form, set }: FieldsProps) {
  const isUsed =
    [form.params, form.scheduledTime, form.maxConcurrency, form.toleratedFailures].join('') !== '';
  return (
    <details open={isUsed}>
      <summary>Parameters and settings</summary>
      <TextField
        name="params"
        label="Parameters, one a line"
        placeholder="name=value"
        form={form}
        set={set}
        isLong
      />
      <TextField name="scheduledTime" label="Scheduled time" placeholder="2026-11-01" form={form} set={set} />
      <TextField name="timeZone" label="Time zone of it" placeholder="UTC" form={form} set={set} />
      <TextField name="maxConcurrency" label="Units at a time" placeholder="8" form={form} set={set} />
      <TextField
        name="toleratedFailures"
        label="Partitions that may fail"
        placeholder="0, or 5%"
        form={form}
        set={set}
      />
    </details>
  );
}

function TextField({
  name,
  label,
  placeholder,
  isLong = false,
  form,
  set,
}: FieldsProps & { name: keyof PlanForm; label: string; placeholder?: string; isLong?: boolean }) {
  const field = {
    value: form[name],
    placeholder,
    onInput: (event: { currentTarget: { value: string } }) => set({ [name]: event.currentTarget.value }),
  };
  return (
    <label>
      {label}
      {isLong ? <textarea rows={3} {...field} /> : <input {...field} />}
    </label>
  );
}

/** The settings that a function's code declares. */
function described({ file, timeout, memory, gpus, bigTaskQueue, model, output }: ProjectFunction): string {
  return [
    file.split('/').at(-1)!,
    ...(model === undefined ? [] : [`${model.task} of the model ${model.name}`]),
    ...(timeout === undefined ? [] : [`time limit ${timeout}`]),
    ...(memory === undefined ? [] : [`memory ${memory}`]),
    ...(gpus === undefined ? [] : [`${gpus} GPU`]),
    ...(bigTaskQueue === undefined ? [] : [`big partitions on ${bigTaskQueue}`]),
    ...(output === undefined ? [] : [`returns ${Object.keys(output).join(', ')}`]),
  ].join(' · ');
}
