/** Comparisons of $filter: https://learn.microsoft.com/graph/filter-query-parameter. */
export type Operator = 'eq' | 'ne' | 'in' | 'not' | 'ge' | 'le' | 'startsWith' | 'endsWith' | 'any';

/** A property of a directory object, and how $filter may use it. */
export interface Property {
  readonly type: 'string' | 'boolean' | 'strings' | 'dateTime';
  /** What works in every query. */
  readonly filter: readonly Operator[];
  /** What works only with ConsistencyLevel: eventual and $count=true. */
  readonly advanced: readonly Operator[];
  /** Whether it is there when nothing is selected. */
  readonly byDefault: boolean;
}

/** A type of directory object. */
export interface Schema {
  readonly type: 'microsoft.graph.user' | 'microsoft.graph.group';
  /** As messages call it. */
  readonly name: 'User' | 'Group';
  readonly collection: 'users' | 'groups';
  readonly properties: Readonly<Record<string, Property>>;
  /** Relationships that delta queries track when they are selected. */
  readonly relationships: readonly string[];
}

const property = (
  type: Property['type'],
  filter: readonly Operator[] = [],
  advanced: readonly Operator[] = [],
): Property => ({ type, filter, advanced, byDefault: false });
const byDefault = (of: Property): Property => ({ ...of, byDefault: true });

/** Filters that most indexed strings know; ne, not and endsWith are advanced queries. */
const text = property('string', ['eq', 'in', 'ge', 'le', 'startsWith'], ['ne', 'not']);
const address = property('string', ['eq', 'in', 'ge', 'le', 'startsWith'], ['ne', 'not', 'endsWith']);
const flag = property('boolean', ['eq', 'in'], ['ne', 'not']);
const addresses = property('strings', ['any'], ['not']);
const moment = property('dateTime', ['eq', 'in', 'ge', 'le'], ['ne', 'not']);
const indexedLate = property('string', [], ['eq', 'ne', 'not', 'in', 'ge', 'le', 'startsWith']);

/**
 * The properties of https://learn.microsoft.com/graph/api/resources/user that concern identity, with the operators of
 * https://learn.microsoft.com/graph/aad-advanced-queries#user-properties.
 */
export const userSchema: Schema = {
  type: 'microsoft.graph.user',
  name: 'User',
  collection: 'users',
  properties: {
    id: byDefault(property('string', ['eq', 'in'], ['ne', 'not'])),
    accountEnabled: flag,
    businessPhones: byDefault(addresses),
    city: text,
    companyName: text,
    country: text,
    createdDateTime: moment,
    creationType: property('string', ['eq', 'in'], ['ne', 'not']),
    deletedDateTime: moment,
    department: text,
    displayName: byDefault(text),
    employeeId: text,
    employeeType: text,
    externalUserState: property('string', ['eq', 'in'], ['ne', 'not']),
    givenName: byDefault(text),
    jobTitle: byDefault(text),
    mail: byDefault(address),
    mailNickname: text,
    mobilePhone: byDefault(text),
    officeLocation: byDefault(indexedLate),
    onPremisesDistinguishedName: property('string'),
    onPremisesDomainName: property('string'),
    onPremisesImmutableId: property('string', ['eq', 'in', 'ge', 'le'], ['ne', 'not']),
    onPremisesSamAccountName: indexedLate,
    onPremisesSecurityIdentifier: property('string', ['eq']),
    onPremisesSyncEnabled: flag,
    onPremisesUserPrincipalName: property('string'),
    otherMails: property('strings', ['any'], ['not']),
    preferredLanguage: byDefault(text),
    proxyAddresses: property('strings', ['any'], ['not']),
    surname: byDefault(text),
    usageLocation: text,
    userPrincipalName: byDefault(address),
    userType: property('string', ['eq', 'in'], ['ne', 'not']),
  },
  relationships: ['manager'],
};

/**
 * The properties of https://learn.microsoft.com/graph/api/resources/group that concern identity, with the operators of
 * https://learn.microsoft.com/graph/aad-advanced-queries#group-properties.
 */
export const groupSchema: Schema = {
  type: 'microsoft.graph.group',
  name: 'Group',
  collection: 'groups',
  properties: {
    id: byDefault(property('string', ['eq', 'in'], ['ne', 'not'])),
    createdDateTime: byDefault(moment),
    deletedDateTime: byDefault(moment),
    description: byDefault(property('string', ['eq', 'ge', 'le', 'startsWith'], ['ne', 'not'])),
    displayName: byDefault(text),
    groupTypes: byDefault(property('strings', ['any'], ['not'])),
    isAssignableToRole: byDefault(property('boolean', ['eq'], ['ne', 'not'])),
    mail: byDefault(address),
    mailEnabled: byDefault(flag),
    mailNickname: byDefault(text),
    membershipRule: byDefault(property('string')),
    onPremisesDomainName: byDefault(property('string')),
    onPremisesNetBiosName: byDefault(property('string')),
    onPremisesSamAccountName: byDefault(indexedLate),
    onPremisesSecurityIdentifier: byDefault(property('string', ['eq'])),
    onPremisesSyncEnabled: byDefault(flag),
    proxyAddresses: byDefault(property('strings', ['any'], ['not'])),
    securityEnabled: byDefault(flag),
    visibility: byDefault(property('string')),
  },
  relationships: ['members', 'owners'],
};
