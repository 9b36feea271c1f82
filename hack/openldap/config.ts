import { createHash, randomBytes } from 'node:crypto';

/** What the generated slapd is to be like. */
export interface SlapdConfig {
  readonly suffix: string;
  /** Of `cn=admin,<suffix>`, whom no access rule or limit binds. */
  readonly adminPassword: string;
  /** Where slapd finds its files: on this machine, or in the container. */
  readonly paths: { readonly data: string; readonly run: string; readonly tls: string };
  /**
   * Entries that one search of anybody but the administrator may give; -1 is no limit. OpenLDAP's own default
   * is 500, and it counts all pages together.
   */
  readonly sizeLimit: number;
  /** Whether people and groups can be read without an account. */
  readonly anonymousRead?: boolean;
  /** Attributes that the service account may not read, of those that a sync needs. */
  readonly hidden?: readonly string[];
  /** The access rules, where they are not to be those of the service account. */
  readonly access?: readonly string[];
}

export const administrator = (suffix: string): string => `cn=admin,${suffix}`;
/** The account that Roster binds as. It can read what a sync needs, and nothing else. */
export const serviceAccount = (suffix: string): string => `cn=roster,ou=Services,${suffix}`;

/**
 * What the service account may read of people and groups: the attributes of Roster's defaults, and `ref`, without
 * which the server is silent about the parts of the tree that other servers hold.
 */
const readable = [
  ...['entry', 'entryUUID', 'objectClass', 'cn', 'sn', 'givenName', 'mail', 'uid', 'preferredLanguage'],
  ...['displayName', 'description', 'ou', 'member', 'uniqueMember', 'memberUid', 'ref'],
];

/**
 * The configuration of a slapd with one mdb database, as LDIF for `slapadd -n 0`.
 * Attributes: slapd-config(5), slapd-mdb(5), slapd.access(5).
 */
export function slapdConfig(config: SlapdConfig): string {
  const { suffix, paths } = config;
  const access = (config.access ?? accessRules(config)).map((rule) => `olcAccess: ${rule}`).join('\n');
  return `dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: ${paths.run}/slapd.pid
olcArgsFile: ${paths.run}/slapd.args
olcTLSCACertificateFile: ${paths.tls}/ca.crt
olcTLSCertificateFile: ${paths.tls}/server.crt
olcTLSCertificateKeyFile: ${paths.tls}/server.key

dn: cn=module,cn=config
objectClass: olcModuleList
cn: module
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif
include: file:///etc/ldap/schema/nis.ldif

dn: olcDatabase={-1}frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: {-1}frontend
olcSizeLimit: ${config.sizeLimit === -1 ? 'unlimited' : config.sizeLimit}
olcAccess: to dn.base="" by * read
olcAccess: to dn.base="cn=Subschema" by * read

dn: olcDatabase={0}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {0}config
olcAccess: to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by * none

dn: olcDatabase={1}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {1}mdb
olcDbDirectory: ${paths.data}
olcDbMaxSize: ${4 * 2 ** 30}
olcDbNoSync: TRUE
olcSuffix: ${suffix}
olcRootDN: ${administrator(suffix)}
olcRootPW: ${hashPassword(config.adminPassword)}
olcDbIndex: objectClass,entryUUID,entryCSN eq
olcDbIndex: uid,mail,member,uniqueMember,memberUid eq
${access}
`;
}

/** The service account reads people and groups; passwords are for binds; nobody else reads unless told. */
function accessRules({ suffix, hidden = [], anonymousRead }: SlapdConfig): string[] {
  const attributes = readable.filter((attribute) => !hidden.includes(attribute)).join(',');
  const who = `by dn.exact="${serviceAccount(suffix)}" read by * ${anonymousRead ? 'read' : 'none'}`;
  return [
    'to attrs=userPassword by anonymous auth by * none',
    // An answer that holds the root, but not somebody, proves that they are gone.
    `to dn.base="${suffix}" attrs=${attributes} ${who}`,
    `to dn.subtree="ou=People,${suffix}" attrs=${attributes} ${who}`,
    `to dn.subtree="ou=Groups,${suffix}" attrs=${attributes} ${who}`,
    'to * by * none',
  ];
}

/** The scheme {SSHA} of OpenLDAP: SHA-1 over password and salt. */
export function hashPassword(password: string): string {
  const salt = randomBytes(8);
  const digest = createHash('sha1').update(password).update(salt).digest();
  return `{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`;
}
