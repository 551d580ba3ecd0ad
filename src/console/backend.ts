/** What the console shows: the runs of a project, a history file or a stage. */
import type { Context } from 'hono';
import type { Partwise, ProjectFunction, SourceExcerpt, StackPlace } from '..';

/** The part of the library that reads runs. */
export type Reader = Pick<Partwise, 'list' | 'getRun'>;

/** Calls `work` with an open connection. */
export type Connected = <T>(work: (partwise: Partwise) => Promise<T>) => Promise<T>;

/** The same, in the name of the user who sent the request. */
export type Changing = <T>(context: Context, work: (partwise: Partwise) => Promise<T>) => Promise<T>;

export interface ProjectAccess {
  /** Like `Backend.read`, for schedules, models, plans and workers. */
  read: Connected;
  /** The functions of the project's functions files. Throws an explanation for one that does not load. */
  functions(): Promise<ProjectFunction[]>;
}

export interface Backend {
  name: string;
  /** The project's folder: places inside it are shown relative to it. Null without a project. */
  folder: string | null;
  /** Where runs are read from: a server's address, `history file` or `stage`. */
  source(): Promise<string>;
  /** Calls `work` with an open connection; again on a new one if the server moves meanwhile. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>;
  /** The code around the place of an error; null without a project. See `Project.source`. */
  excerpt: ((functionDigest: string, place: StackPlace) => Promise<SourceExcerpt | null>) | null;
  /** What a project has besides runs. Null without a project. */
  project: ProjectAccess | null;
  /** Null if nothing can be changed. The connection has a worker. */
  change: Connected | null;
}
