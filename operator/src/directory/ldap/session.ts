import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { BindRequest, ExtendedRequest, SearchRequest, type SearchRequestMessageOptions } from 'ldapts';
import { DirectoryError } from '../../errors.ts';
import { Framer, MalformedMessage } from './ber.ts';
import { connectionError, resultError } from './errors.ts';
import { decodeMessage, type Entry, type Message, type Result } from './message.ts';
import type { LdapServer } from './url.ts';

/** All that the server said to one request. */
export interface Answer {
  readonly result: Result;
  readonly entries: readonly Entry[];
  /** URIs of other servers, one for each continuation reference. */
  readonly references: readonly string[];
}

/** An extended operation (RFC 4511 section 4.12) that has no argument. */
export const extendedOperations = {
  startTLS: '1.3.6.1.4.1.1466.20037',
  whoAmI: '1.3.6.1.4.1.4203.1.11.3',
} as const;

interface Pending {
  readonly id: number;
  readonly operation: Result['operation'];
  readonly entries: Entry[];
  readonly references: string[];
  readonly timer: NodeJS.Timeout;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * One connection to one server, with one request at a time. It is never made anew: the first thing that goes wrong
 * ends it, and whoever goes on afterwards gets that error again.
 *
 * Requests are encoded by ldapts, whose `Client` is not used: it connects again unasked, then reads anonymously or
 * sends the password in the clear; it hides whether the server gave a cookie, so that a page without entries looks
 * like the last one; and it tells errors of the socket by their texts only.
 */
export class Session implements Disposable {
  readonly server: LdapServer;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;
  #socket: net.Socket;
  readonly #framer = new Framer();
  #lastId = 0;
  #pending: Pending | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Whether the server ever spoke LDAP. */
  #heard = false;
  #secret = '';

  private constructor(server: LdapServer, socket: net.Socket, timeoutMs: number, signal: AbortSignal) {
    this.server = server;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#socket = socket;
    this.#listen(socket);
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Opens a TCP connection.
   * @throws DirectoryError `ServerUnreachable`
   */
  static async open(server: LdapServer, timeoutMs: number, signal: AbortSignal): Promise<Session> {
    const socket = net.connect({ host: bareHost(server), port: server.port, noDelay: true });
    try {
      await happens(socket, 'connect', Math.min(timeoutMs, connectTimeoutMs), signal);
    } catch (error) {
      socket.on('error', ignore).destroy();
      signal.throwIfAborted();
      throw connectionError(error, server.url, 'Connect');
    }
    return new Session(server, socket, timeoutMs, signal);
  }

  /**
   * Goes on over TLS, with certificate and host name verified.
   * @throws DirectoryError `CertificateNotTrusted`, `HostNameMismatch`, `TLSFailed`, `ServerTimeout`
   */
  async secure(certificateAuthorities: readonly string[]): Promise<void> {
    this.#throwIfEnded();
    const plain = this.#socket;
    plain.removeAllListeners().on('error', ignore);
    const host = bareHost(this.server);
    const socket = tls.connect({
      socket: plain,
      host,
      // Server name indication is for names only; the certificate is compared with `host` either way.
      ...(net.isIP(host) === 0 && { servername: host }),
      ca: [...certificateAuthorities],
      minVersion: 'TLSv1.2',
    });
    this.#socket = socket;
    try {
      await happens(socket, 'secureConnect', this.#timeoutMs, this.#signal);
    } catch (error) {
      this.#fail(error instanceof Silence ? this.#timeout() : connectionError(error, this.server.url, 'TLS'));
    }
    this.#throwIfEnded();
    this.#listen(socket);
  }

  /** Asks the server to go on over TLS (RFC 4511 section 4.14), and does. */
  async startTLS(certificateAuthorities: readonly string[]): Promise<void> {
    const { result } = await this.extended(extendedOperations.startTLS);
    if (result.code !== 0) throw resultError(result, { server: this.server.url, stage: 'StartTLS' });
    if (!this.#framer.atBoundary) {
      // What came in the clear behind the server's consent may have been put there by somebody else.
      this.#fail(new DirectoryError('ProtocolError', `${this.server.url} says more than StartTLS allows.`));
    }
    await this.secure(certificateAuthorities);
  }

  /** Authenticates by name and password (RFC 4513 section 5.1.3). */
  async bind(dn: string, password: string): Promise<Result> {
    this.#secret = password;
    const { result } = await this.#exchange('Bind', new BindRequest({ messageId: this.#nextId(), dn, password }));
    return result;
  }

  /** An extended operation without argument. */
  async extended(oid: string): Promise<Answer> {
    return await this.#exchange('Extended', new ExtendedRequest({ messageId: this.#nextId(), oid }));
  }

  async search(options: Omit<SearchRequestMessageOptions, 'messageId'>): Promise<Answer> {
    return await this.#exchange('Search', new SearchRequest({ ...options, messageId: this.#nextId() }));
  }

  /** Closes the connection; what is under way is given up. */
  [Symbol.dispose](): void {
    this.#fail(new DirectoryError('ConnectionLost', `The connection to ${this.server.url} is closed.`));
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #exchange(operation: Result['operation'], request: BindRequest | ExtendedRequest | SearchRequest): Promise<Answer> {
    this.#throwIfEnded();
    if (this.#pending !== undefined) throw new Error('a session has one request at a time');
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => this.#fail(this.#timeout()), this.#timeoutMs);
    this.#pending = { id: request.messageId, operation, entries: [], references: [], timer, resolve, reject };
    this.#socket.write(request.write());
    return promise;
  }

  #listen(socket: net.Socket): void {
    const broken = (error?: unknown) => this.#fail(this.#brokenError(error));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', broken);
    socket.on('close', () => broken());
  }

  #receive(chunk: Buffer): void {
    this.#pending?.timer.refresh();
    try {
      for (const bytes of this.#framer.messages(chunk)) this.#take(decodeMessage(bytes));
    } catch (error) {
      this.#fail(connectionError(error, this.server.url, 'Open'));
    }
  }

  #take({ id, content }: Message): void {
    const pending = this.#pending;
    this.#heard = true;
    if (id === 0 && content.kind === 'Result') {
      // Notice of disconnection, RFC 4511 section 4.4.1.
      throw resultError(this.#harmless(content), { server: this.server.url, stage: 'Search' });
    }
    if (pending === undefined || id !== pending.id) throw new MalformedMessage('it answers what was not asked');
    if (content.kind === 'Entry') pending.entries.push(content);
    else if (content.kind === 'Reference') pending.references.push(...content.uris);
    else if (content.operation !== pending.operation) throw new MalformedMessage('it answers another operation');
    else {
      this.#pending = undefined;
      clearTimeout(pending.timer);
      const { entries, references } = pending;
      pending.resolve({ result: this.#harmless(content), entries, references });
    }
  }

  /** The result as it may be shown: one line, not long, and never the password, should the server repeat it. */
  #harmless(result: Result): Result {
    const text = this.#secret === '' ? result.diagnostic : result.diagnostic.replaceAll(this.#secret, '***');
    const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
    return { ...result, diagnostic: line.length > 200 ? `${line.slice(0, 200)}...` : line };
  }

  #timeout(): DirectoryError {
    const seconds = Math.round(this.#timeoutMs / 100) / 10;
    return new DirectoryError('ServerTimeout', `${this.server.url} has been silent for ${seconds} s.`);
  }

  #brokenError(error: unknown): DirectoryError {
    if (this.#heard) return connectionError(error, this.server.url, 'Open');
    const hint = this.server.scheme === 'ldap' ? ' Perhaps the port wants ldaps://.' : '';
    return new DirectoryError('ProtocolError', `${this.server.url} hangs up at the first word of LDAP.${hint}`);
  }

  readonly #abort = (): void => this.#fail(this.#signal.reason);

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#signal.removeEventListener('abort', this.#abort);
    this.#socket.removeAllListeners().on('error', ignore).destroy();
    const pending = this.#pending;
    this.#pending = undefined;
    clearTimeout(pending?.timer);
    pending?.reject(error);
  }

  #throwIfEnded(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Reaching a server takes milliseconds; a longer wait only delays the next one. */
const connectTimeoutMs = 10_000;

const ignore = (): void => {};

/** Nothing happened in time. */
class Silence extends Error {
  readonly code = 'ETIMEDOUT';
}

/** Waits for the event; rejects at an error, after that time, and when aborted. */
async function happens(socket: net.Socket, event: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    await once(socket, event, { signal: AbortSignal.any([signal, deadline.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    throw deadline.signal.aborted ? new Silence() : error;
  } finally {
    clearTimeout(timer);
  }
}

/** As sockets and certificates want it: an IPv6 address without brackets. */
function bareHost(server: LdapServer): string {
  return server.host.replace(/^\[|\]$/g, '');
}
