/** Which of the dialogs that every page has is open. */
import { signal } from '@preact/signals';

export const openDialog = signal<'search' | 'zone' | 'keys' | null>(null);

export function closeDialog(): void {
  openDialog.value = null;
}
