/** Explains Temporal's error for a history that the workflow code cannot replay, with the event. */
import type { HistoryEvent } from '../history/events';

/** Where a history and the workflow code diverge. */
export interface Divergence {
  /** The first event that the code would not have produced. Null if Temporal does not report it. */
  eventId: number | null;
  /** What the history contains there. */
  recorded: string | null;
  /** What the code would do instead. */
  wanted: string | null;
  /** The above as a sentence. */
  message: string;
}

/** `error` is the error of a replay of these events. */
export function divergenceOf(error: Error, events: readonly HistoryEvent[]): Divergence {
  const reason = /\[TMPRL\d+\] Nondeterminism error: ((?:[^"\\]|\\.)*)/.exec(error.message)?.[1];
  const found = reason === undefined ? null : (unhandled(reason, events) ?? otherActivity(reason, events));
  if (found === null)
    return { eventId: null, recorded: null, wanted: null, message: reason ?? error.message };
  const eventId = Number(found.event.eventId);
  const recorded = described(found.event);
  const message = `At event ${eventId} the history has ${recorded}, but this code would ${found.wanted}.`;
  return { eventId, recorded, wanted: found.wanted, message };
}

interface Found {
  event: HistoryEvent;
  wanted: string;
}

/**
 * `Timer machine does not handle this event: HistoryEvent(id: 18, …)`, or that the code does nothing at an
 * event.
 */
function unhandled(reason: string, events: readonly HistoryEvent[]): Found | null {
  const id = /HistoryEvent\(id: (\d+)/.exec(reason)?.[1];
  const event = events.find(({ eventId }) => String(eventId) === id);
  if (event === undefined) return null;
  const machine = /^(.+?) machine does not handle/.exec(reason)?.[1];
  if (machine === undefined) return { event, wanted: 'do nothing there' };
  return { event, wanted: WANTED[machine] ?? `continue with another step (${machine})` };
}

const WANTED: Readonly<Record<string, string>> = {
  Activity: 'start an activity',
  'Local activity': 'start a local activity',
  Timer: 'start a timer',
  'Child workflow': 'start a child workflow',
  'Complete workflow': 'complete the run',
  'Fail workflow': 'fail the run',
  'Cancel workflow': 'end the run as cancelled',
};

/**
 * `Activity id of scheduled event '0' does not match activity id of activity command '3'`; likewise for
 * types.
 */
function otherActivity(reason: string, events: readonly HistoryEvent[]): Found | null {
  const match =
    /^Activity (id|type) of scheduled event '(.*)' does not match activity \1 of activity command '(.*)'$/.exec(
      reason,
    );
  if (match === null) return null;
  const [, what, recorded, wanted] = match;
  const event = events.find(({ activityTaskScheduledEventAttributes: scheduled }) =>
    what === 'id' ? scheduled?.activityId === recorded : scheduled?.activityType?.name === recorded,
  );
  return event === undefined ? null : { event, wanted: `start the activity with ${what} "${wanted}"` };
}

function described(event: HistoryEvent): string {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled)
    return `the start of the activity ${scheduled.activityType?.name ?? ''} (id "${scheduled.activityId}")`;
  if (event.timerStartedEventAttributes) return 'the start of a timer';
  if (event.workflowExecutionCompletedEventAttributes) return "the run's completion";
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child) return `the start of the child workflow "${child.workflowId}"`;
  if (event.workflowExecutionFailedEventAttributes) return "the run's failure";
  if (event.workflowExecutionCanceledEventAttributes) return "the run's end as cancelled";
  const attributes = Object.entries(event).find(
    ([name, value]) => name.endsWith('EventAttributes') && value != null,
  );
  return attributes === undefined ? 'an event' : `an event ${attributes[0].replace(/EventAttributes$/, '')}`;
}
