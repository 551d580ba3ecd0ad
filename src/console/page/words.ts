/** How the page writes statuses, numbers and times: as the CLI prints them. */
import { computed, signal } from '@preact/signals';
import {
  PARTITION_STATUSES,
  type PartitionStatus,
  type RunStatus,
  type StatusCounts,
} from '../../core/status';
import { query, setQuery } from './address';
import { zoneNamed } from './zones';

export const GLYPHS: Readonly<Record<PartitionStatus | RunStatus, string>> = {
  PENDING: '·',
  RUNNING: '▶',
  DONE: '✓',
  FAILED: '✗',
  CANCELLED: '⊘',
  INTERNAL_ERROR: '‼',
  SKIPPED: '–',
  IN_PROGRESS: '▶',
  SUCCESS: '✓',
  PARTIAL_FAILURE: '✗',
  FAILURE: '✗',
};

/** The colour of a run's status is that of the partition status that explains it. */
export const RUN_COLOURS: Readonly<Record<RunStatus, PartitionStatus>> = {
  IN_PROGRESS: 'RUNNING',
  SUCCESS: 'DONE',
  PARTIAL_FAILURE: 'FAILED',
  FAILURE: 'FAILED',
  CANCELLED: 'CANCELLED',
};

/** In the order in which a bar of counts is filled. */
export const BAR_ORDER: readonly PartitionStatus[] = [
  'DONE',
  'FAILED',
  'INTERNAL_ERROR',
  'CANCELLED',
  'SKIPPED',
  'RUNNING',
  'PENDING',
];

export function number(value: number): string {
  return value.toLocaleString('en');
}

export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `999,959 DONE, 38 FAILED`; zero counts are left out. */
export function countsText(counts: StatusCounts): string {
  const parts = BAR_ORDER.filter((status) => counts[status] > 0).map(
    (status) => `${number(counts[status])} ${status}`,
  );
  return parts.length === 0 ? 'no partitions' : parts.join(', ');
}

export function statusOf(position: number): PartitionStatus {
  return PARTITION_STATUSES[position]!;
}

/** Seconds since the page was opened tick here, for what is running. It stands still while not connected. */
export const clock = signal(Date.now());

export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const chosenZone = computed(() => zoneNamed(query.value.get('tz') ?? '') ?? BROWSER_ZONE);

/** The one zone of the page: the address's, else the browser's. */
export function zone(): string {
  return chosenZone.value;
}

export function setZone(name: string): void {
  setQuery({ tz: name === BROWSER_ZONE ? null : name });
}

/** Between the zone of the browser and UTC. */
export function nextZone(): void {
  setZone(zone() === BROWSER_ZONE ? 'UTC' : BROWSER_ZONE);
}

/** `2026-11-01 06:00:12` in the page's zone. */
export function time(iso: string): string {
  // The Swedish locale formats times like ISO 8601.
  return new Intl.DateTimeFormat('sv-SE', {
    dateStyle: 'short',
    timeStyle: 'medium',
    timeZone: zone(),
  }).format(new Date(iso));
}

/**
 * Text that others wrote, with its control and direction characters shown, so that they cannot change how the
 * text around them is read.
 */
export function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, (c) =>
    c === '\n' || c === '\t' ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `57 %`; a share that rounds to nothing or to all of it is said to be less. */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 1) return 'less than 1 %';
  if (percent > 99 && percent < 100) return 'more than 99 %';
  return `${Math.round(percent)} %`;
}
