import { describe, expect, test } from 'vitest';
import { parseServer } from './url.ts';

describe('parseServer', () => {
  test.each([
    ['ldap://ldap.example.com', 'ldap://ldap.example.com:389', undefined],
    ['ldaps://ldap.example.com', 'ldaps://ldap.example.com:636', undefined],
    ['LDAPS://LDAP.Example.COM:1636/', 'ldaps://ldap.example.com:1636', undefined],
    [' ldap://10.0.0.5:3389 ', 'ldap://10.0.0.5:3389', undefined],
    ['ldaps://[2001:DB8:0::1]', 'ldaps://[2001:db8::1]:636', undefined],
    ['ldap://münchen.example', 'ldap://xn--mnchen-3ya.example:389', undefined],
    ['ldap://host/dc=example,dc=com', 'ldap://host:389', 'dc=example,dc=com'],
    ['ldap://host/ou=R%26D%20West,dc=example', 'ldap://host:389', 'ou=R&D West,dc=example'],
    ['ldap://host/ou=Z%C3%BCrich,o=A%2FB', 'ldap://host:389', 'ou=Zürich,o=A/B'],
  ])('%s', (text, url, baseDN) => {
    expect(parseServer(text)).toMatchObject({ url });
    expect(parseServer(text).baseDN).toBe(baseDN);
  });

  test.each([
    ['https://host', 'InvalidURL'],
    ['host', 'InvalidURL'],
    ['ldap://', 'InvalidURL'],
    ['ldap:///dc=example', 'InvalidURL'],
    ['ldap://host:0', 'InvalidURL'],
    ['ldap://host:65536', 'InvalidURL'],
    ['ldap://host:port', 'InvalidURL'],
    ['ldap://host name', 'InvalidURL'],
    ['ldap://cn=admin:secret@host', 'InvalidURL'],
    ['ldap://host/dc=example?mail?sub', 'InvalidURL'],
    ['ldap://host?x', 'InvalidURL'],
    ['ldap://host/example', 'InvalidBaseDN'],
    ['ldap://host/dc=%zz', 'InvalidBaseDN'],
    ['ldap://dc1.example.com:3268', 'GlobalCatalogRefused'],
    ['LDAPS://dc1.example.com:3269/dc=example', 'GlobalCatalogRefused'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseServer(text)).toThrow(expect.objectContaining({ reason }));
  });

  test('never repeats a password that somebody put into the URL', () => {
    expect(() => parseServer('ldap://admin:hunter2@host')).toThrow(expect.not.stringContaining('hunter2'));
    expect(() => parseServer('ldap://admin:hunter2@host/x')).toThrow(expect.not.stringContaining('hunter2'));
  });
});
