import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endpointOf, mayReceive, parseAllowedHosts } from './credentials.ts';

const endpoint = (url: string) => {
  const parsed = endpointOf(url);
  if (parsed === undefined) throw new Error(`${url} is no endpoint`);
  return parsed;
};

describe('endpointOf', () => {
  test.each([
    ['ldaps://ldap.example.com', { scheme: 'ldaps', host: 'ldap.example.com', port: 636 }],
    ['LDAP://LDAP.Example.COM.:3389/', { scheme: 'ldap', host: 'ldap.example.com', port: 3389 }],
    ['smtp://mail.example.com', { scheme: 'smtp', host: 'mail.example.com', port: 25 }],
    ['https://login.example.com', { scheme: 'https', host: 'login.example.com', port: 443 }],
    ['ldap://[0:0:0:0:0:0:0:1]', { scheme: 'ldap', host: '[::1]', port: 389 }],
    ['ldap://bücher.example', { scheme: 'ldap', host: 'xn--bcher-kva.example', port: 389 }],
  ])('%s', (url, expected) => {
    expect(endpointOf(url)).toEqual(expected);
  });

  test.each([
    ...[
      '',
      'ldap.example.com',
      'ldap://',
      'ldap://host:',
      'ldap://host:99999',
      'ldap://host:0',
      'ldap://*.example.com',
    ],
    ...['ldap://user@host', 'ldap://host/path', 'ldap://host?q', 'custom://host', 'ldap://[::1', 'ldap://[nothex]'],
    ...['ldap://::1', 'ldap://-host', 'ldap://a b'],
  ])('%s is none', (url) => {
    expect(endpointOf(url)).toBeUndefined();
  });
});

describe('parseAllowedHosts', () => {
  test('takes lines and commas, and passes over comments', () => {
    expect(
      parseAllowedHosts('# ours\nldaps://ldap.example.com:636, ldap://10.0.0.5:389  allowPlaintext\n\n  \n,'),
    ).toEqual([
      { scheme: 'ldaps', host: 'ldap.example.com', port: 636, allowPlaintext: false },
      { scheme: 'ldap', host: '10.0.0.5', port: 389, allowPlaintext: true },
    ]);
  });

  test('allows nothing where there is no annotation', () => {
    expect(parseAllowedHosts(undefined)).toEqual([]);
    expect(parseAllowedHosts('')).toEqual([]);
  });

  test.each([
    ['ldap.example.com', 'it is not a URL'],
    ['ldaps://ldap.example.com/dc=example', 'it is not a URL'],
    ['ldaps://*.example.com', 'it is not a URL'],
    ['ldap://host allowplaintext', 'only allowPlaintext may follow'],
    ['ldap://host allowPlaintext please', 'only allowPlaintext may follow'],
    ['ldaps://one ldaps://two', 'only allowPlaintext may follow'],
  ])('refuses %s, even beside a good entry', (entry, why) => {
    const parse = () => parseAllowedHosts(`ldaps://good.example.com\n${entry}`);
    expect(parse).toThrow(expect.objectContaining({ reason: 'HostNotAllowed' }));
    expect(parse).toThrow(why);
  });

  test('never repeats a password', () => {
    expect(() => parseAllowedHosts('ldap://admin:hunter2@host')).toThrow(expect.not.stringContaining('hunter2'));
  });
});

describe('mayReceive', () => {
  const hosts = parseAllowedHosts('ldaps://ldap.example.com\nldap://ldap.example.com\nldap://10.0.0.5 allowPlaintext');

  test.each([
    ['ldaps://ldap.example.com', true, 'Allowed'],
    ['ldaps://LDAP.example.com:636', true, 'Allowed'],
    ['ldap://ldap.example.com', true, 'Allowed'],
    ['ldap://ldap.example.com', false, 'PlaintextNotAllowed'],
    ['ldap://10.0.0.5', false, 'Allowed'],
    ['ldap://10.0.0.5', true, 'Allowed'],
    ['ldap://10.0.0.5:3389', true, 'HostNotAllowed'],
    ['ldaps://10.0.0.5', true, 'HostNotAllowed'],
    ['ldaps://ldap.example.com.evil.example', true, 'HostNotAllowed'],
    ['ldaps://example.com', true, 'HostNotAllowed'],
    ['smtp://ldap.example.com:636', true, 'HostNotAllowed'],
  ] as const)('%s, encrypted %s: %s', (url, encrypted, verdict) => {
    expect(mayReceive(hosts, endpoint(url), encrypted)).toBe(verdict);
  });

  test('allows nothing when nothing is listed', () => {
    expect(mayReceive([], endpoint('ldaps://ldap.example.com'), true)).toBe('HostNotAllowed');
  });

  test('allows only what is listed, scheme, host and port together', () => {
    const scheme = fc.constantFrom('ldap', 'ldaps', 'https');
    const host = fc.constantFrom('a.example', 'b.example', '10.0.0.1', '[::1]');
    const target = fc.record({ scheme, host, port: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(fc.array(target), target, fc.boolean(), (listed, wanted, encrypted) => {
        const write = ({ scheme: s, host: h, port }: typeof wanted) => `${s}://${h}:${port}`;
        const verdict = mayReceive(parseAllowedHosts(listed.map(write).join('\n')), wanted, encrypted);
        const isListed = listed.some((entry) => write(entry) === write(wanted));
        expect(verdict).toBe(isListed ? (encrypted ? 'Allowed' : 'PlaintextNotAllowed') : 'HostNotAllowed');
      }),
    );
  });
});
