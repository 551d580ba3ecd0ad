/** What the API answers about schedules. Types only. */
import type { RunStatus, ScheduleView, StatusCounts } from '../..';

/** A time at which a schedule was due. */
export interface Firing {
  scheduledTime: string;
  runId: string;
  /** Null if the server has deleted the run. */
  status: RunStatus | null;
  /** Why the run was refused; null if it was not. */
  refused: string | null;
  /** Milliseconds; null if it is not known, or not over. */
  took: number | null;
  counts: (StatusCounts & { total: number }) | null;
}

/** What `GET /api/v1/schedules/ID` answers. */
export interface ScheduleAnswer {
  schedule: ScheduleView;
  /** The latest, oldest first. */
  firings: Firing[];
}
