import type { ComponentChildren } from 'preact';
import { currentQuery, runAddress } from '../address';
import { hasPartitionPage } from '../session';

/** A link to a partition's page, if there is one. */
export function PartitionLink({
  runId,
  partition: { id },
  class: name,
  children,
}: {
  runId: string;
  partition: { id: string | null };
  class?: string;
  children: ComponentChildren;
}) {
  if (id === null || !hasPartitionPage(id)) {
    // Keys move over the rows of a table, in a file too.
    return (
      <span class={name} tabIndex={-1}>
        {children}
      </span>
    );
  }
  return (
    <a class={name} href={`${runAddress(runId, id)}${currentQuery()}`}>
      {children}
    </a>
  );
}
