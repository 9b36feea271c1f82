import { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { type AllowedHost, hostsAnnotation, mayReceive } from '../../credentials.ts';
import { DirectoryError } from '../../errors.ts';
import { normalizeDN } from './dn.ts';
import { resultError } from './errors.ts';
import { extendedOperations, Session } from './session.ts';
import { type LdapServer, parseServer } from './url.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Where the Secret allows them to be sent. */
  readonly hosts: readonly AllowedHost[];
}

export interface ConnectionOptions {
  readonly urls: readonly string[];
  readonly startTLS: boolean;
  /** PEM; the system's certificates when absent. */
  readonly caBundle?: string | undefined;
  /** Anonymous when absent. */
  readonly credentials?: Credentials | undefined;
  /** How long the server may stay silent. */
  readonly timeoutMs: number;
}

/** A server that has accepted who we are. */
export interface Connection extends Disposable {
  readonly session: Session;
  /** The account, or undefined when anonymous. */
  readonly username: string | undefined;
  /** Who the server takes us for, or `anonymous`. */
  readonly boundAs: string;
}

/** Failures of a server that say nothing about the next one. */
const reasonsToTryTheNext: readonly string[] = ['ServerUnreachable', 'ServerTimeout', 'ConnectionLost', 'ServerBusy'];

/**
 * Connects to the first server that answers, authenticates, and makes sure that the server knows who we are.
 * Nothing is read before, so that a run reads one server only. What no other server would judge differently (the
 * password, the certificate, the Secret) is not tried elsewhere.
 * @throws DirectoryError
 */
export async function connect(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
  const servers = options.urls.map(parseServer);
  const { credentials } = options;
  if (credentials !== undefined) {
    assertUsable(credentials);
    for (const server of servers) assertAllowed(credentials, server, options.startTLS);
  }
  const authorities = certificateAuthorities(options.caBundle);
  const failures: DirectoryError[] = [];
  for (const server of servers) {
    try {
      return await connectTo(server, options, authorities, signal);
    } catch (error) {
      if (!(error instanceof DirectoryError) || !reasonsToTryTheNext.includes(error.reason)) throw error;
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined || others.length === 0) throw first ?? new DirectoryError('InvalidURL', 'No URL is given.');
  const sentences = failures.map((failure) => failure.message).join(' ');
  throw new DirectoryError(first.reason as 'ServerUnreachable', sentences, { cause: first });
}

async function connectTo(
  server: LdapServer,
  options: ConnectionOptions,
  authorities: readonly string[],
  signal: AbortSignal,
): Promise<Connection> {
  const session = await Session.open(server, options.timeoutMs, signal);
  try {
    if (server.scheme === 'ldaps') await session.secure(authorities);
    else if (options.startTLS) await session.startTLS(authorities);
    const boundAs = await authenticate(session, options.credentials);
    const username = options.credentials?.username;
    return { session, username, boundAs, [Symbol.dispose]: () => session[Symbol.dispose]() };
  } catch (error) {
    session[Symbol.dispose]();
    throw error;
  }
}

async function authenticate(session: Session, credentials: Credentials | undefined): Promise<string> {
  if (credentials === undefined) return 'anonymous';
  const { username, password } = credentials;
  const result = await session.bind(username, password);
  if (result.code !== 0) throw resultError(result, { server: session.server.url, stage: 'Bind', username });
  return await verifyIdentity(session, username);
}

/**
 * Asks "Who am I?" (RFC 4532), because a proxy in between may say yes to any bind and then read as nobody.
 * A server that does not know the question is believed: with a name and a password, the success of a bind means
 * that it authenticated (RFC 4513 section 5.1.3).
 * @throws DirectoryError `UnexpectedIdentity`
 */
async function verifyIdentity(session: Session, username: string): Promise<string> {
  const { result } = await session.extended(extendedOperations.whoAmI);
  if (result.code === protocolError) return username;
  const server = session.server.url;
  if (result.code !== 0) throw resultError(result, { server, stage: 'WhoAmI', username });
  const identity = result.value?.trim() ?? '';
  if (isSameIdentity(identity, username)) return identity.replace(/^(dn|u):\s*/i, '');
  const whom = identity === '' ? 'as anonymous' : `as ${identity}`;
  throw new DirectoryError(
    'UnexpectedIdentity',
    `${server} accepts the account ${username}, but then treats it ${whom}.`,
  );
}

/** The result of a server that does not know an extended operation, RFC 4511 section 4.12. */
const protocolError = 2;

/**
 * An authzId is `dn:` with a DN or `u:` with a name, in Active Directory `u:DOMAIN\\name`
 * (https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/, LDAP_SERVER_WHO_AM_I_OID), whatever was bound as.
 * Where the forms cannot be compared, not being anonymous has to do.
 */
function isSameIdentity(authzId: string, username: string): boolean {
  const [, form, identity = ''] = /^(dn|u):\s*(.*)$/is.exec(authzId) ?? [];
  if (identity === '' || identity.toUpperCase() === windowsAnonymous) return false;
  const configured = normalizeDN(username);
  if (form?.toLowerCase() === 'dn') return configured === undefined || normalizeDN(identity) === configured;
  if (configured !== undefined || username.includes('@') !== identity.includes('@')) return true;
  return accountName(identity) === accountName(username);
}

const windowsAnonymous = 'NT AUTHORITY\\ANONYMOUS LOGON';

/** Without the domain, which has a NetBIOS name and a DNS name. */
const accountName = (name: string): string => name.slice(name.indexOf('\\') + 1).toLowerCase();

/** An empty name or password makes a server answer yes without looking (RFC 4513 section 5.1.2). */
function assertUsable({ username, password }: Credentials): void {
  const missing = username === '' ? 'username' : password === '' ? 'password' : undefined;
  if (missing) throw new DirectoryError('SecretIncomplete', `The key ${missing} of the Secret is empty.`);
}

function assertAllowed(credentials: Credentials, server: LdapServer, startTLS: boolean): void {
  const encrypted = server.scheme === 'ldaps' || startTLS;
  switch (mayReceive(credentials.hosts, server, encrypted)) {
    case 'Allowed':
      return;
    case 'HostNotAllowed':
      throw new DirectoryError(
        'HostNotAllowed',
        `The annotation ${hostsAnnotation} of the Secret does not list ${server.url}.`,
      );
    case 'PlaintextNotAllowed':
      throw new DirectoryError('PlaintextNotAllowed', `The password would go to ${server.url} unencrypted.`);
  }
}

/** The certificates that may sign a server's: those of the bundle, else Node's and the system's. */
function certificateAuthorities(caBundle: string | undefined): readonly string[] {
  if (caBundle === undefined) return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  const certificates = caBundle.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  // Node passes over what it cannot read, and would then say that the server is not trusted.
  if (certificates.length === 0 || !certificates.every(isCertificate)) {
    throw new DirectoryError('CertificateNotTrusted', 'caBundle holds no PEM certificates, or damaged ones.');
  }
  return certificates;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
