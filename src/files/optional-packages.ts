/**
 * Packages that are installed beside Partwise only where something needs them: its optional peer dependencies. Each costs megabytes
 * that a laptop with DuckDB has no use for.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Which packages a warehouse or a stage needs, by the scheme of its URI. */
const NEEDED_BY: readonly { scheme: string; packages: readonly string[] }[] = [
  { scheme: 'snowflake:', packages: ['snowflake-sdk'] },
  { scheme: 's3:', packages: ['@aws-sdk/client-s3'] },
];

const TRACING_PACKAGES: readonly string[] = [
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-node',
  '@temporalio/interceptors-opentelemetry',
];

/** A package is not installed; the message has the command that installs it. */
class PackageMissing extends Error {
  override name = 'PackageMissing';
}

/** One sentence, with the command that installs them, for each set of packages that these warehouses and stages lack. */
export function packageProblems(uris: readonly string[]): string[] {
  return NEEDED_BY.flatMap(({ scheme, packages }) => {
    const users = uris.filter((uri) => uri.startsWith(scheme));
    return users.length === 0 ? [] : missing(packages, users.map((uri) => `"${uri}"`).join(' and '));
  });
}

/** The same for a worker that sends traces to `url`. */
export function tracingProblems(url: string): string[] {
  return missing(TRACING_PACKAGES, `traces to "${url}"`);
}

/** Throws `PackageMissing` unless the warehouse or the stage at this URI has its packages. */
export function requirePackages(uri: string): void {
  const [problem] = packageProblems([uri]);
  if (problem !== undefined) throw new PackageMissing(problem);
}

function missing(packages: readonly string[], users: string): string[] {
  const names = packages.filter((name) => !isInstalled(name));
  if (names.length === 0) return [];
  const subject = names.length === 1 ? `The package ${names[0]} is` : `The packages ${names.join(', ')} are`;
  const command = `npm install ${names.map(withVersion).join(' ')}`;
  return [`${subject} not installed, and needed for ${users}. Install beside partwise: ${command}`];
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** `snowflake-sdk` → `snowflake-sdk@3.3.0`, the version that Partwise is tested with. */
function withVersion(name: string): string {
  const file = join(__dirname, '..', '..', 'package.json');
  const { peerDependencies } = JSON.parse(readFileSync(file, 'utf8')) as {
    peerDependencies: Record<string, string>;
  };
  return `${name}@${peerDependencies[name]!.replace(/^[~^]/, '')}`;
}
