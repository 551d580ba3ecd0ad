/** What the API answers about a project. Types only. */
import type { QueueView } from '../..';

/** What `GET /api/v1/workers` answers. */
export interface WorkersAnswer {
  /** Whether the server is the project's own, whose worker Partwise starts. */
  embedded: boolean;
  queues: QueueView[];
}

/** What `POST /api/v1/runs` answers. */
export interface StartedRun {
  runId: string;
}
