import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StageKind } from '../kind';

/** `./stage`, `/data/stage`, `file:///data/stage`. */
export const local: StageKind = {
  example: 'a folder, such as "./stage"',
  service: null,
  matches: (value) => value.startsWith('file://') || !/^[a-z0-9]+:\/\//i.test(value),
  resolve: (value, { projectDir }) =>
    value.startsWith('file://') ? value : pathToFileURL(resolve(projectDir, value)).href,
  open(uri, token) {
    const { LocalStage }: typeof import('./local-stage') = require('./local-stage');
    return new LocalStage(uri, token);
  },
};
