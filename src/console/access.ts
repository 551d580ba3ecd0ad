/** Where the console listens, under which names it answers, and whom it lets in. */
import { BlockList, isIP } from 'node:net';

/** As given. All are optional: by default the console is for its own machine. */
export interface AccessOptions {
  /** Address to listen at. Default: 127.0.0.1. */
  host?: string;
  /** Further names of the console, as browsers send them in `Host`: with the port, unless it is 80 or 443. */
  hostNames?: readonly string[];
  /** Path below which everything is served. Default: `/`. */
  basePath?: string;
  /** Header in which a proxy names the user whom it has authenticated. It replaces the token. */
  authHeader?: string;
  /** Addresses and networks whose header is believed. */
  trustProxy?: readonly string[];
}

export interface Access {
  host: string;
  hostNames: readonly string[];
  /** Begins and ends with a slash. */
  basePath: string;
  /** Null: whoever has the token is let in. */
  proxy: Proxy | null;
}

/** A proxy that authenticates its users. */
export interface Proxy {
  /** In lower case. */
  header: string;
  trusted: BlockList;
}

export const LOOPBACK = '127.0.0.1';

/** Throws an error with every problem, such as that everyone would be let in. */
export function accessOf(options: AccessOptions): Access {
  const { host = LOOPBACK, hostNames = [], basePath = '/', authHeader, trustProxy = [] } = options;
  const networks = trustProxy.flatMap((list) => list.split(',')).map((text) => text.trim());
  const problems = [
    ...hostProblems(host, authHeader),
    ...hostNames.filter((name) => !HOST_NAME.test(name)).map(hostNameProblem),
    ...(BASE_PATH.test(basePath) ? [] : [basePathProblem(basePath)]),
    ...headerProblems(authHeader, networks),
    ...networks.filter((text) => networkOf(text) === null).map(networkProblem),
  ];
  if (problems.length > 0)
    throw new Error(problems.length === 1 ? problems[0] : problems.map((each) => `- ${each}`).join('\n'));
  return {
    host,
    hostNames: hostNames.map((name) => name.toLowerCase()),
    basePath: basePath.endsWith('/') ? basePath : `${basePath}/`,
    proxy:
      authHeader === undefined ? null : { header: authHeader.toLowerCase(), trusted: blockListOf(networks) },
  };
}

/** Whether a connection from this address is in one of the networks; IPv4 as IPv6 writes it is IPv4. */
export function isIn(networks: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && networks.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

const HOST_NAME = /^([a-z\d]([a-z\d.-]*[a-z\d])?|\[[\da-f:.]+\])(:\d{1,5})?$/i;
/** No character that a browser, a proxy or a page could understand in two ways. */
const BASE_PATH = /^(\/[\w~-][\w.~-]*)*\/?$/;
const HEADER = /^[a-z\d-]+$/i;

const ON_LOOPBACK = blockListOf(['127.0.0.0/8', '::1']);

function hostProblems(host: string, authHeader: string | undefined): string[] {
  if (isIP(host) === 0)
    return [`--host is "${host}"; it takes an IP address of this machine, such as 0.0.0.0 for all of them.`];
  // The token would cross the network in the clear.
  if (isIn(ON_LOOPBACK, host) || authHeader !== undefined) return [];
  return [
    `--host ${host} would let other machines in. Put a proxy that authenticates its users in front of the console, and name it with ` +
      '--auth-header NAME and --trust-proxy CIDR; or leave out --host, and forward the port with ssh -L (docs/console.md).',
  ];
}

function headerProblems(authHeader: string | undefined, networks: readonly string[]): string[] {
  if (authHeader === undefined)
    return networks.length === 0
      ? []
      : [
          '--trust-proxy says whose header is believed: name the header too, such as --auth-header X-Forwarded-User.',
        ];
  return [
    ...(HEADER.test(authHeader)
      ? []
      : [`--auth-header is "${authHeader}"; it takes the name of a header, such as X-Forwarded-User.`]),
    ...(networks.length > 0
      ? []
      : [
          `--auth-header ${authHeader} is believed from a proxy alone: give the proxy's address too, such as --trust-proxy 127.0.0.1 for one on this machine.`,
        ]),
  ];
}

function hostNameProblem(name: string): string {
  return `--host-name is "${name}"; it takes one exact name, such as runs.example.com or runs.example.com:8443.`;
}

function basePathProblem(path: string): string {
  return `--base-path is "${path}"; it takes a path of letters, digits, "-", "_", "~" and ".", such as /partwise/.`;
}

function networkProblem(text: string): string {
  const isAll = /\/0+$/.test(text);
  return (
    `--trust-proxy is "${text}"; it takes the address of a proxy or a network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8` +
    `${isAll ? ', and not all addresses: everyone could then pass as any user' : ''}.`
  );
}

interface Network {
  address: string;
  bits: number;
  family: 'ipv4' | 'ipv6';
}

function networkOf(text: string): Network | null {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return null;
  const all = version === 4 ? 32 : 128;
  const bits = length === undefined ? all : Number(length);
  if (bits < 1 || bits > all) return null;
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const { address, bits, family } = networkOf(text)!;
    list.addSubnet(address, bits, family);
  }
  return list;
}
