/** All services behind warehouses and stages, for what is done whichever of them a run uses. */
import type { Refusal } from '../core/refusal';
import { missingPackages } from '../files/optional-packages';
import { STAGE_KINDS } from '../stage/kinds';
import type { Purpose, Service } from '../stage/service';
import { WAREHOUSE_KINDS } from './kinds';

/** Each once: a warehouse and a stage may be of the same service. */
export const SERVICES: readonly Service[] = [
  ...new Set([...WAREHOUSE_KINDS, ...STAGE_KINDS].flatMap(({ service }) => service ?? [])),
];

/**
 * A sentence, with the command that installs them, for each service whose packages these warehouses and
 * stages lack.
 */
export function packageProblems(uris: readonly string[]): string[] {
  return SERVICES.flatMap((service) => {
    const users = uris.filter((uri) => serviceOf(uri) === service).map((uri) => `"${uri}"`);
    return users.length === 0 ? [] : missingPackages(service.packages, users.join(' and '));
  });
}

function serviceOf(uri: string): Service | null {
  const warehouse = WAREHOUSE_KINDS.find(({ scheme }) => uri.startsWith(`${scheme}:`));
  return (warehouse ?? STAGE_KINDS.findLast((kind) => kind.matches(uri)))?.service ?? null;
}

/** The refusal that explains an error of any service; null: there is none for it. */
export function refusalOfService(error: unknown): Refusal | null {
  for (const service of SERVICES) {
    const refusal = service.refusal?.(error) ?? null;
    if (refusal !== null) return refusal;
  }
  return null;
}

/** Does the work; what it asks of services is marked with its purpose. */
export function taggedForServices<T>(purpose: Purpose, work: () => T): T {
  const tagged = SERVICES.reduce<() => T>(
    (inner, service) => () => (service.tagged === undefined ? inner() : service.tagged(purpose, inner)),
    work,
  );
  return tagged();
}

/** Closes the sessions of this process that are not in use. Work that comes later opens others. */
export async function closeServices(): Promise<void> {
  await Promise.all(SERVICES.map(async (service) => service.close?.()));
}
