/** Certificates for tests of TLS, made with the command `openssl`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

export interface Certificates {
  /** Of the authority that signs `server` and `client`, and of another one. */
  readonly ca: string;
  readonly otherCa: string;
  readonly server: CertificateFiles;
  readonly expiredServer: CertificateFiles;
  readonly client: CertificateFiles;
  readonly expiredClient: CertificateFiles;
  /** Signed by the other authority. */
  readonly stranger: CertificateFiles;
}

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** For 127.0.0.1 and localhost. */
export function makeCertificates(folder: string): Certificates {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const pem = (name: string): string => join(folder, `${name}.pem`);
  const key = (name: string): string => join(folder, `${name}.key`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authority = (name: string): string => {
    const out = ['-keyout', key(name), '-out', pem(name), '-subj', `/CN=${name}`, '-days', '2'];
    openssl('req', '-x509', ...newKey, ...out);
    return pem(name);
  };
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const sign = (name: string, ca: string, days: number): CertificateFiles => {
    openssl('req', ...newKey, '-keyout', key(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const by = ['-CA', pem(ca), '-CAkey', key(ca), '-CAcreateserial', '-extfile', 'names'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', pem(name), '-days', String(days));
    return { cert: pem(name), key: key(name) };
  };
  return {
    ca: authority('ca'),
    otherCa: authority('other-ca'),
    server: sign('server', 'ca', 2),
    // Valid until yesterday.
    expiredServer: sign('expired-server', 'ca', -1),
    client: sign('client', 'ca', 2),
    expiredClient: sign('expired-client', 'ca', -1),
    stranger: sign('stranger', 'other-ca', 2),
  };
}
