import type { Entry, Replacement } from '../openldap/ldif.ts';
import { type Group, generatePopulation, marriages, type Person, type PopulationSize } from '../people/population.ts';

/** A generated part of a domain. The same size and seed make the same one, but for the ids, which the server gives. */
export interface DomainContents {
  /** Holds everything that was generated. */
  readonly base: string;
  /** Every entry, parents and members first, but for groups that are inside each other. */
  entries(): Generator<Entry>;
  /** What members groups have besides, once all entries are there. */
  laterMembers(): Generator<Replacement>;
  /** A new family name for every `every`-th person; each `round` gives others. */
  marriages(every: number, round: number): Generator<Replacement>;
}

/** The company below `OU=Company` of the domain. */
export function generateDomain(size: PopulationSize, domain: string): DomainContents {
  const population = generatePopulation(size);
  const { people, groups, special } = population;
  const base = `OU=Company,${domain}`;
  const dns = new Map<Person | Group, string>();
  for (const person of people) dns.set(person, `CN=${escaped(commonName(person))},OU=People,${base}`);
  for (const group of groups) dns.set(group, `CN=${group.name},OU=Groups,${base}`);
  if (special) {
    const { family, given } = special.withEscapedName;
    dns.set(special.withEscapedName, `CN=${escaped(`${family}, ${given} (R+D, Zürich)`)},OU=People,${base}`);
  }
  const dnOf = (item: Person | Group) => dns.get(item) ?? '';
  return {
    base,
    *entries() {
      for (const dn of [base, `OU=People,${base}`, `OU=Groups,${base}`]) {
        yield { dn, attributes: { objectClass: ['organizationalUnit'] } };
      }
      for (const [index, person] of people.entries()) yield personEntry(person, dnOf(person), index);
      for (const group of groups) yield groupEntry(group, dnOf(group), group.people.map(dnOf));
    },
    *laterMembers() {
      for (const group of groups) {
        if (group.groups.length === 0) continue;
        yield { dn: dnOf(group), attribute: 'member', values: [...group.people, ...group.groups].map(dnOf) };
      }
    },
    *marriages(every, round) {
      for (const { person, family } of marriages(population, every, round)) {
        yield { dn: dnOf(person), attribute: 'sn', values: [family] };
      }
    },
  };
}

/** Namesakes are told apart by the number in their uid, as the names in one container must differ. */
function commonName({ given, family, uid }: Person): string {
  const number = /\d+$/.exec(uid)?.[0];
  return number === undefined ? `${given} ${family}` : `${given} ${family} ${number}`;
}

function escaped(value: string): string {
  return value.replace(/[\\,+"<>;=]/g, '\\$&');
}

/** https://learn.microsoft.com/windows/win32/adschema/a-samaccountname: the length of names of accounts. */
const maximumAccountName = 20;
/** NORMAL_ACCOUNT and PASSWD_NOTREQD, since nobody signs in: MS-ADTS section 2.2.16. */
const userAccountControl = '544';

function personEntry({ uid, given, family, language, mail }: Person, dn: string, index: number): Entry {
  const account = uid.length <= maximumAccountName ? uid : `${uid.slice(0, 12)}.${index}`;
  return {
    dn,
    attributes: {
      objectClass: ['user'],
      sAMAccountName: [account],
      userPrincipalName: [`${uid}@ad.example.test`],
      userAccountControl: [userAccountControl],
      givenName: [given],
      sn: [family],
      displayName: [`${given} ${family}`],
      preferredLanguage: [language],
      ...(mail && { mail: [mail] }),
    },
  };
}

/** https://learn.microsoft.com/windows/win32/adschema/a-description */
const maximumDescription = 1024;
/** A global security group: MS-ADTS section 2.2.12. */
const groupType = '-2147483646';

function groupEntry({ name, description }: Group, dn: string, members: readonly string[]): Entry {
  return {
    dn,
    attributes: {
      objectClass: ['group'],
      sAMAccountName: [name],
      groupType: [groupType],
      ...(description && { description: [description.slice(0, maximumDescription)] }),
      ...(members.length > 0 && { member: members }),
    },
  };
}
