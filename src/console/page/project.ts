/** What the page knows about the console itself. */
import { signal } from '@preact/signals';
import type { ProjectInfo } from '../wire/types';

/** Null until it is known. */
export const project = signal<ProjectInfo | null>(null);

/** Whether the page has actions. */
export function canChange(): boolean {
  return project.value?.readOnly === false;
}
