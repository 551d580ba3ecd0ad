/**
 * Resolves a connection by name, from a section of the `connections.toml` of Snowflake's own tools and the
 * environment variables of Snowflake CLI. It is read on workers and in processes that read a stage, and never
 * sent anywhere (I11).
 */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { didYouMean } from '../core/nearest';
import { Refusal } from '../core/refusal';
import { misspelled, unknown } from './known-settings';
import { loadDriver, type ConnectionOptions } from './driver';

export const CONNECTION_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** Settings with variables that apply to any connection without the setting: `SNOWFLAKE_ACCOUNT`, … */
const OF_ANY_CONNECTION = [
  'account',
  'user',
  'password',
  'role',
  'warehouse',
  'database',
  'schema',
  'host',
  'port',
  'protocol',
  'authenticator',
  'private_key_file',
  'private_key_path',
  'private_key_raw',
  'private_key_passphrase',
  'token',
  'token_file_path',
];

/** Names in Snowflake's other tools for options of this driver. */
const SAME_AS: Record<string, string> = {
  private_key_raw: 'private_key',
  private_key_passphrase: 'private_key_pass',
  private_key_file_pwd: 'private_key_pass',
};

type Environment = Readonly<Record<string, string | undefined>>;
type Settings = Record<string, unknown>;

/** The connection that is used if none is named. */
export function defaultConnection(env: Environment = process.env): string {
  return env['SNOWFLAKE_DEFAULT_CONNECTION_NAME'] || 'default';
}

/**
 * Returns options for the driver. Throws a `Refusal` if the file cannot be used or the connection does not
 * exist.
 */
export function connectionOptions(name: string, env: Environment = process.env): ConnectionOptions {
  const file = connectionsFile(env);
  const sections = readSections(file);
  const section = sections !== null && Object.hasOwn(sections, name) ? sections[name] : undefined;
  if (section !== undefined) {
    const problems = misspelled(Object.keys(section));
    if (problems.length > 0)
      throw new Refusal(
        'InvalidInput',
        problems.map(
          (problem) => `The connection "${name}" in "${file}": ${problem} Correct it, or remove the line.`,
        ),
      );
  }
  const own = { ...section, ...variables(`SNOWFLAKE_CONNECTIONS_${name.toUpperCase()}_`, env) };
  const any = Object.fromEntries(
    OF_ANY_CONNECTION.map((key) => [key, env[`SNOWFLAKE_${key.toUpperCase()}`]]).filter(
      ([, value]) => value !== undefined && value !== '',
    ),
  ) as Settings;
  const passphrase = env['PRIVATE_KEY_PASSPHRASE'];
  const settings: Settings = {
    ...(passphrase !== undefined && { private_key_passphrase: passphrase }),
    ...any,
    ...own,
  };
  if (section === undefined && settings['account'] === undefined && settings['host'] === undefined)
    throw new Refusal('InvalidInput', [noSuchConnection(name, file, sections)]);
  for (const [word, same] of Object.entries(SAME_AS)) {
    if (settings[word] !== undefined) settings[same] ??= settings[word];
    delete settings[word];
  }
  const options = loadDriver().normalizeConnectionOptions(settings);
  const hasKey = options.privateKey !== undefined || options.privateKeyPath !== undefined;
  if (hasKey) options.authenticator ??= 'SNOWFLAKE_JWT';
  return options;
}

/** Unknown settings of a section, which are not misspellings of known ones. */
export function unusedSettings(name: string, env: Environment = process.env): string[] {
  const sections = readSections(connectionsFile(env));
  return sections !== null && Object.hasOwn(sections, name) ? unknown(Object.keys(sections[name]!)) : [];
}

function connectionsFile(env: Environment): string {
  return join(env['SNOWFLAKE_HOME'] || join(homedir(), '.snowflake'), 'connections.toml');
}

/** Null if the file does not exist. */
function readSections(file: string): Record<string, Settings> | null {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (process.platform !== 'win32' && (found.mode & 0o022) !== 0) {
    throw new Refusal('InvalidInput', [
      `"${file}" contains credentials, but users other than its owner can write to it: run \`chmod 600 ${file}\`.`,
    ]);
  }
  const { parse }: typeof import('smol-toml') = require('smol-toml');
  try {
    return parse(readFileSync(file, 'utf8')) as Record<string, Settings>;
  } catch (error) {
    // The parser's message quotes the line, which may contain a password.
    const { line } = error as { line?: number };
    throw new Refusal('InvalidInput', [
      `"${file}" cannot be read${line === undefined ? '' : `: line ${line} is not valid TOML`}. Each connection is a section such as [prod] with lines such as account = "…".`,
    ]);
  }
}

function variables(prefix: string, env: Environment): Settings {
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name, value]) => name.startsWith(prefix) && value !== '')
      .map(([name, value]) => [name.slice(prefix.length).toLowerCase(), value]),
  );
}

function noSuchConnection(name: string, file: string, sections: Record<string, Settings> | null): string {
  const names = Object.keys(sections ?? {});
  const known =
    sections === null
      ? 'the file does not exist'
      : names.length === 0
        ? 'it has none'
        : `it has ${names.join(', ')}`;
  return (
    `There is no Snowflake connection "${name}" in "${file}": ${known}.${didYouMean(name, names)} ` +
    `Add a section [${name}] to it, or set SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER and the credentials in the environment.`
  );
}
