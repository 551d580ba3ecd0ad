import type { ComponentChildren } from 'preact';
import type { Colouring } from '../pictures/colours';
import type { RunStore } from '../run-store';

/** What both pictures of all partitions are made of. */
export interface MapParts {
  store: RunStore;
  colouring: Colouring;
  /** In the heading. */
  controls: ComponentChildren;
  open(ordinal: number): void;
}
