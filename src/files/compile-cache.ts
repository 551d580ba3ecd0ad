/**
 * Keeps compiled code between starts of a program that imports this first, on Node 22.8 and later: a third
 * of its start is compiling. A cache that cannot be used is ignored.
 */
import * as modules from 'node:module';
import { join } from 'node:path';
import { userCache } from './user-cache';

/** Missing in earlier versions of Node, and in the types of version 20. */
const { enableCompileCache } = modules as { enableCompileCache?: (folder: string) => unknown };
enableCompileCache?.(join(userCache(process.env), 'compiled'));
