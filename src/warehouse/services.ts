/**
 * The services behind all warehouses and stages, for code that does not depend on which of them a run uses.
 */
import type { Refusal } from '../core/refusal';
import { missingPackages } from '../files/optional-packages';
import { ENCRYPTED } from '../stage';
import { STAGE_KINDS } from '../stage/kinds';
import type { Purpose, Service } from '../core/service';
import { WAREHOUSE_KINDS } from './kinds';

/** Without duplicates: a warehouse and a stage may share a service. */
export const SERVICES: readonly Service[] = [
  ...new Set([...WAREHOUSE_KINDS, ...STAGE_KINDS].flatMap(({ service }) => service ?? [])),
];

/**
 * A sentence for each service of these warehouses and stages whose packages are missing, with the command
 * that installs them.
 */
export function packageProblems(uris: readonly string[]): string[] {
  return SERVICES.flatMap((service) => {
    const users = uris.filter((uri) => serviceOf(uri) === service).map((uri) => `"${uri}"`);
    return users.length === 0 ? [] : missingPackages(service.packages, users.join(' and '));
  });
}

function serviceOf(uri: string): Service | null {
  if (uri.startsWith(ENCRYPTED)) return serviceOf(uri.slice(ENCRYPTED.length));
  const warehouse = WAREHOUSE_KINDS.find(({ scheme }) => uri.startsWith(`${scheme}:`));
  return (warehouse ?? STAGE_KINDS.findLast((kind) => kind.matches(uri)))?.service ?? null;
}

/** Returns the refusal that explains an error of any service, or null if there is none. */
export function refusalOfService(error: unknown): Refusal | null {
  for (const service of SERVICES) {
    const refusal = service.refusal?.(error) ?? null;
    if (refusal !== null) return refusal;
  }
  return null;
}

/** Runs the work, tagging its requests to services with their purpose. */
export function taggedForServices<T>(purpose: Purpose, work: () => T): T {
  const tagged = SERVICES.reduce<() => T>(
    (inner, service) => () => (service.tagged === undefined ? inner() : service.tagged(purpose, inner)),
    work,
  );
  return tagged();
}

/** Closes this process's idle sessions. Later work opens new ones. */
export async function closeServices(): Promise<void> {
  await Promise.all(SERVICES.map(async (service) => service.close?.()));
}
