/**
 * Why a server cannot be connected to, where TLS is the reason. Temporal's client only reports that it did
 * not connect in time, so this does a handshake of its own.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { NamedServer } from './named-server';
import { errorText } from './problems';

const WITHIN_MS = 3_000;
/** A server that rejects a client's certificate says so after the handshake has ended (TLS 1.3). */
const REJECTS_WITHIN_MS = 1_000;

const CA_SETTING = 'TEMPORAL_TLS_SERVER_CA_CERT_PATH (in a profile: server_ca_cert_path)';
const CLIENT_SETTINGS =
  'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH (in a profile: client_cert_path and client_key_path)';

/** Codes of Node for a chain that ends in no trusted certificate. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** A sentence; null if TLS is not the reason, or nothing listens at the address. */
export async function tlsProblem(server: NamedServer): Promise<string | null> {
  const { tls } = server.connectionOptions;
  const at = `the Temporal server at "${server.address}"`;
  if (!tls) {
    const seen = await handshake(server, {});
    return seen.peer === null
      ? null
      : `${capitalized(at)} requires TLS. Set \`temporal.tls\` or TEMPORAL_TLS to true, or the certificates it needs.`;
  }
  const { serverRootCACertificate: ca, clientCertPair: pair, serverNameOverride } = tls === true ? {} : tls;
  const { peer, untrusted, failure } = await handshake(server, {
    ...(ca !== undefined && { ca: Buffer.from(ca) }),
    ...(pair && { cert: Buffer.from(pair.crt), key: Buffer.from(pair.key) }),
    ...(serverNameOverride !== undefined && { servername: serverNameOverride }),
  });
  if (peer !== null && untrusted !== null) return serverProblem(server, at, peer, untrusted);
  if (failure === null) return null;
  if (failure === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return `${capitalized(at)} does not use TLS. Set \`temporal.tls\` to false, or remove the certificates from the environment or the profile.`;
  if (!pair && /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/.test(failure))
    return `${capitalized(at)} requires a client certificate. Set ${CLIENT_SETTINGS}.`;
  return pair ? clientProblem(server, at, pair.crt, failure) : null;
}

function serverProblem(
  { tlsFiles: files }: NamedServer,
  at: string,
  peer: { validFrom: string; validTo: string; names: string; expected: string },
  code: string,
): string {
  const certificate = `The certificate of ${at}`;
  if (UNTRUSTED.has(code))
    return (
      `${certificate} is not signed by an authority ` +
      `${files?.serverCa === undefined ? 'that this machine trusts' : `in "${files.serverCa}"`}. ` +
      `Set ${CA_SETTING} to the certificate of the authority that signed it.`
    );
  if (code === 'CERT_HAS_EXPIRED')
    return `${certificate} expired on ${peer.validTo}. Whoever runs the server has to renew it.`;
  if (code === 'CERT_NOT_YET_VALID')
    return `${certificate} is not valid before ${peer.validFrom}. Check the clock of this machine.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return (
      `${certificate} is valid for ${peer.names}, but not for "${peer.expected}". ` +
      'Use an address that it is valid for, or set TEMPORAL_TLS_SERVER_NAME (in a profile: server_name).'
    );
  return `${certificate} is not valid (${code}).`;
}

function clientProblem(
  { tlsFiles: files }: NamedServer,
  at: string,
  content: Uint8Array,
  failure: string,
): string {
  const named = files?.clientCert === undefined ? '' : ` "${files.clientCert}"`;
  const certificate = parsed(content);
  if (certificate === null)
    return `The client certificate${named} is not a certificate in PEM format. Set ${CLIENT_SETTINGS}.`;
  if (failure.includes('KEY_VALUES_MISMATCH'))
    return (
      `The key${files?.clientKey === undefined ? '' : ` "${files.clientKey}"`} does not belong to the client certificate${named}. ` +
      `Set ${CLIENT_SETTINGS}.`
    );
  if (new Date(certificate.validTo) < new Date())
    return `The client certificate${named} expired on ${certificate.validTo}. Replace it with a new one.`;
  const reason = failure.includes('ALERT_UNKNOWN_CA')
    ? 'it is not signed by an authority that the server trusts'
    : failure;
  return `${capitalized(at)} rejects the client certificate${named}: ${reason}. Set ${CLIENT_SETTINGS}.`;
}

interface Seen {
  /** Null if there was no handshake. */
  peer: { validFrom: string; validTo: string; names: string; expected: string } | null;
  /** Why the server's certificate is not accepted, as Node's code. */
  untrusted: string | null;
  /** How the connection failed, as Node's code. */
  failure: string | null;
}

/** Accepts every certificate, to see what is wrong with it; nothing is sent. */
function handshake({ address }: NamedServer, options: ConnectionOptions): Promise<Seen> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const expected = options.servername ?? host;
  return new Promise((resolve) => {
    const seen: Seen = { peer: null, untrusted: null, failure: null };
    let socket: TLSSocket;
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(seen);
    };
    let timer = setTimeout(() => done(), WITHIN_MS);
    const failed = (error: NodeJS.ErrnoException): void => {
      seen.failure = error.code ?? errorText(error);
      done();
    };
    try {
      socket = connect({
        ...options,
        host,
        port: Number(address.slice(colon + 1)),
        ...(options.servername === undefined && isIP(host) === 0 && { servername: host }),
        ALPNProtocols: ['h2'],
        rejectUnauthorized: false,
      });
    } catch (error) {
      clearTimeout(timer);
      return resolve({ ...seen, failure: (error as NodeJS.ErrnoException).code ?? errorText(error) });
    }
    socket.once('error', failed);
    socket.once('close', done);
    // The server's answer, or the alert with which it rejects the client.
    socket.once('data', done);
    socket.once('secureConnect', () => {
      const { valid_from: validFrom, valid_to: validTo, subjectaltname } = socket.getPeerCertificate();
      seen.peer = { validFrom, validTo, names: subjectaltname ?? 'no name', expected };
      seen.untrusted = socket.authorized ? null : String(socket.authorizationError);
      if (seen.untrusted !== null) return done();
      clearTimeout(timer);
      timer = setTimeout(() => done(), REJECTS_WITHIN_MS);
    });
  });
}

function parsed(content: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(content);
  } catch {
    return null;
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
