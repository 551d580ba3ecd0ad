import { Client } from '@temporalio/client';

/** A client of the same connection whose requests Temporal records under `identity`. */
export function withIdentity({ connection, options }: Client, identity: string): Client {
  const { namespace, loadedDataConverter: dataConverter, interceptors } = options;
  return new Client({ connection, namespace, dataConverter, interceptors, identity });
}
