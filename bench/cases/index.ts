import type { Case } from './case';
import { consolePage } from './console';
import { cpu } from './cpu';
import { crash } from './crash';
import { dataSql } from './data-sql';
import { files } from './files';
import { growth } from './growth';
import { models } from './models';
import { poison } from './poison';
import { pushdown } from './pushdown';
import { python20k } from './python-20k';
import { real } from './real';
import { s3Objects } from './s3-objects';
import { small } from './small';
import { sql1m } from './sql-1m';
import { state } from './state';
import { tiny1m } from './tiny-1m';
import { tiny2k } from './tiny-2k';

export const CASES: readonly Case[] = [
  tiny2k,
  small,
  tiny1m,
  growth,
  real,
  cpu,
  pushdown,
  sql1m,
  dataSql,
  poison,
  crash,
  state,
  models,
  python20k,
  files,
  s3Objects,
  consolePage,
];
