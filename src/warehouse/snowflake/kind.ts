import { CONNECTION_NAME, defaultConnection } from '../../snowflake/connection-options';
import { SNOWFLAKE } from '../../snowflake/service';
import type { WarehouseKind } from '../kind';

/** `snowflake:CONNECTION`, a section of `connections.toml`, or without a name the default connection. */
export const snowflake: WarehouseKind = {
  scheme: 'snowflake',
  example: 'snowflake:CONNECTION',
  service: SNOWFLAKE,
  options: [
    {
      name: 'loadingWarehouse',
      takes: 'the name of a virtual warehouse on Snowflake, such as "LOAD_WH"',
      help: 'virtual warehouse on Snowflake to use for planning and commits',
    },
  ],
  readsBack: 'tables on Snowflake whose DATA_RETENTION_TIME_IN_DAYS is 1 or more (but not views)',
  resolve(place) {
    const connection = place === '' ? defaultConnection() : place;
    if (CONNECTION_NAME.test(connection)) return `snowflake:${connection}`;
    throw new Error(
      `The warehouse "snowflake:${place}" does not name a connection: write snowflake:NAME, where NAME is a section of connections.toml.`,
    );
  },
  open(uri, { projectDir, options, confinement, duckdbSetup }) {
    const { SnowflakeWarehouse }: typeof import('./snowflake-warehouse') = require('./snowflake-warehouse');
    const { loadingWarehouse = null } = options;
    return new SnowflakeWarehouse(uri, projectDir, loadingWarehouse, confinement, duckdbSetup);
  },
};
