import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceAccount } from '../openldap/config.ts';
import { generateDirectory } from '../openldap/people.ts';
import { startSlapd } from '../openldap/slapd.ts';
import { freePort } from '../stack.ts';
import { type DirectoryServer, type DirectoryServerOptions, remembered, secretRef } from './server.ts';

const suffix = 'dc=example,dc=com';

/** Debian's slapd on this machine. */
export async function startOpenLDAP({ folder, size }: DirectoryServerOptions): Promise<DirectoryServer> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { password, ...ports } = await remembered(join(folder, 'settings.json'), async () => ({
    ldap: await freePort(),
    ldaps: await freePort(),
    password: randomBytes(16).toString('hex'),
  }));
  const directory = generateDirectory({ suffix, ...size });
  const slapd = await startSlapd({
    directory: join(folder, 'slapd'),
    suffix,
    adminPassword: password,
    entries: () => directory.entries(password),
    ports,
  });
  const { caBundle, ended } = slapd;
  const url = slapd.urls.ldaps;
  const username = serviceAccount(suffix);
  const [users, groups] = [{ baseDN: `ou=People,${suffix}` }, { baseDN: `ou=Groups,${suffix}` }];
  return {
    secret: { hosts: url, data: { username, password } },
    block: {
      ldap: {
        ...{ urls: [url], startTLS: false, caBundle, credentials: { secretRef }, users, groups },
        ...{ pageSize: 500, timeoutSeconds: 60, preset: 'OpenLDAP' },
      },
    },
    search: {
      ...{ url, username, password, caBundle, options: [] },
      searches: [
        {
          base: groups.baseDN,
          filter: '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
          attributes: ['entryUUID', 'cn', 'description', 'objectClass', 'member', 'uniqueMember', 'memberUid'],
        },
        {
          base: users.baseDN,
          filter: '(objectClass=inetOrgPerson)',
          attributes: ['entryUUID', 'givenName', 'sn', 'mail', 'preferredLanguage', 'uid'],
        },
      ],
    },
    ended,
    marry: (every, round) => slapd.modify(directory.marriages(every, round)),
    stop: () => slapd.stop(),
  };
}
