/**
 * Partwise's optional peer dependencies, which are installed only where something needs them: each costs
 * megabytes that are of no use with DuckDB on a laptop.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const TRACING_PACKAGES: readonly string[] = [
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-node',
  '@temporalio/interceptors-opentelemetry',
];

/** A package is not installed. The message has the command that installs it. */
class PackageMissing extends Error {
  override name = 'PackageMissing';
}

/** The problem with missing packages of a worker that sends traces to `url`, if any. */
export function tracingProblems(url: string): string[] {
  return missingPackages(TRACING_PACKAGES, `traces to "${url}"`);
}

/**
 * Throws `PackageMissing` unless all of the packages are installed. `users` names what needs them, for the
 * message.
 */
export function requirePackages(packages: readonly string[], users: string): void {
  const [problem] = missingPackages(packages, users);
  if (problem !== undefined) throw new PackageMissing(problem);
}

/** A sentence with the command that installs the missing packages; empty if all are installed. */
export function missingPackages(packages: readonly string[], users: string): string[] {
  const names = packages.filter((name) => !isInstalled(name));
  if (names.length === 0) return [];
  const subject = names.length === 1 ? `The package ${names[0]} is` : `The packages ${names.join(', ')} are`;
  const command = `npm install ${names.map(withVersion).join(' ')}`;
  return [`${subject} not installed, but needed for ${users}. Install next to partwise: ${command}`];
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** `some-driver` → `some-driver@3.3.0`, the version that Partwise is tested against. */
function withVersion(name: string): string {
  const file = join(__dirname, '..', '..', 'package.json');
  const { peerDependencies } = JSON.parse(readFileSync(file, 'utf8')) as {
    peerDependencies: Record<string, string>;
  };
  return `${name}@${peerDependencies[name]!.replace(/^[~^]/, '')}`;
}
