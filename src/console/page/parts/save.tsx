import { useState } from 'preact/hooks';
import { shown } from '../words';
import { problemOf } from './use-answer';

/** A button that saves what `load` answers as a file of this name. */
export function Save({ name, label, load }: { name: string; label: string; load: () => Promise<Response> }) {
  const [problem, setProblem] = useState<string | null>(null);
  const [isSaving, setSaving] = useState(false);
  const save = async (): Promise<void> => {
    setSaving(true);
    setProblem(null);
    try {
      const url = URL.createObjectURL(await (await load()).blob());
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      setProblem(problemOf(error));
    }
    setSaving(false);
  };
  return (
    <>
      <button type="button" class="quiet" disabled={isSaving} onClick={() => void save()}>
        {isSaving ? 'Saving …' : label}
      </button>
      {problem !== null && <span class="refusal">{shown(problem)}</span>}
    </>
  );
}
