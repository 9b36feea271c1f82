import { AndFilter, type Filter } from 'ldapts';
import { DirectoryError } from '../../errors.ts';
import { type ConnectionOptions, connect } from '../ldap/connect.ts';
import { normalizeDN, outermost } from '../ldap/dn.ts';
import { parseFilter } from '../ldap/filter.ts';
import { authorityOf, namingContextOf, type RootDSE, readRootDSE } from '../ldap/naming.ts';
import { type Directory, openDirectory, type Place, type Query } from '../ldap/opened.ts';
import { type AttributeOverrides, assertBases, overrideAttributes } from '../ldap/presets.ts';
import { plainDialect, type Source } from '../ldap/search.ts';
import type { DirectoryReader } from '../reader.ts';
import { type Domain, domainAccount, domainOf, readDomains } from './partitions.ts';
import { activeDirectoryPreset } from './preset.ts';

export interface ActiveDirectoryOptions extends ConnectionOptions {
  /** Where people and groups are; the base DN of the URL when absent, else the domain. */
  readonly baseDNs?: readonly string[] | undefined;
  /** Further domains of the forest, read with the same account. */
  readonly additionalDomains?: readonly DomainOptions[] | undefined;
  readonly includeServiceAccounts: boolean;
  /** Narrows the people further. */
  readonly userFilter?: string | undefined;
  /** Narrows the groups further. */
  readonly groupFilter?: string | undefined;
  readonly membership: 'None' | 'Direct' | 'Nested';
  /** Entries asked for at a time. */
  readonly pageSize: number;
  readonly attributes?: AttributeOverrides | undefined;
}

export interface DomainOptions {
  readonly urls: readonly string[];
  readonly baseDNs?: readonly string[] | undefined;
}

/**
 * Reads people and groups from one domain controller of each domain that is named. Ids are objectGUIDs, also in
 * memberships, so that who is moved or renamed in the middle of a read is not lost.
 */
export function activeDirectoryReader(options: ActiveDirectoryOptions): DirectoryReader {
  return {
    async open(signal) {
      const query = queryOf(options);
      const wanted = [{ urls: options.urls, baseDNs: options.baseDNs }, ...(options.additionalDomains ?? [])];
      assertBases('baseDNs', options.baseDNs ?? []);
      for (const { baseDNs } of options.additionalDomains ?? [])
        assertBases('additionalDomains.baseDNs', baseDNs ?? []);
      using opening = new DisposableStack();
      const controllers: Controller[] = [];
      for (const { urls, baseDNs } of wanted) {
        const connection = opening.use(await connect({ ...options, urls }, signal));
        controllers.push(await controllerOf({ connection, dialect: plainDialect }, baseDNs, options.pageSize));
      }
      const [first] = controllers;
      if (first === undefined) throw new DirectoryError('InvalidURL', 'No URL is given.');
      assertOneForest(first, controllers);
      const domains = await readDomains(first.source, first.root.configurationNamingContext);
      const directory = {
        places: controllers.map((controller) => placeOf(controller, domains)),
        query,
        authority: authorityOf(first.forest),
        remarks: controllers.filter(({ context }) => domainOf(context, domains) === undefined).map(withoutNetBIOSName),
        isElsewhere: elsewhere(controllers, domains),
      };
      return openDirectory(directory, opening.move());
    },
  };
}

function queryOf(options: ActiveDirectoryOptions): Query {
  const preset = activeDirectoryPreset(options.includeServiceAccounts);
  const narrowed = (filter: Filter, further: string | undefined, field: string) =>
    further === undefined ? filter : new AndFilter({ filters: [filter, parseFilter(further, field)] });
  return {
    preset,
    mapping: overrideAttributes(preset.attributes, options.attributes ?? {}),
    membership: options.membership,
    userFilter: narrowed(preset.userFilter, options.userFilter, 'userFilter'),
    groupFilter: narrowed(preset.groupFilter, options.groupFilter, 'groupFilter'),
  };
}

/** A domain controller that is connected to. */
interface Controller {
  readonly source: Source;
  readonly root: RootDSE;
  /** Naming context of its domain. */
  readonly context: string;
  /** Naming context of the domain at the root of its forest. */
  readonly forest: string;
  readonly bases: readonly string[];
}

async function controllerOf(
  source: Source,
  baseDNs: readonly string[] | undefined,
  pageSize: number,
): Promise<Controller> {
  const { connection } = source;
  const root = await readRootDSE(source);
  const { url, baseDN } = connection.session.server;
  const { defaultNamingContext: context, rootDomainNamingContext: forest } = root;
  if (context === undefined || forest === undefined) {
    throw new DirectoryError('NotActiveDirectory', `${url} does not say which domain and forest it belongs to.`);
  }
  if (!root.synchronized) {
    throw new DirectoryError('ServerBusy', `${url} has not finished its first replication.`);
  }
  const given = baseDNs === undefined || baseDNs.length === 0 ? [baseDN ?? context] : baseDNs;
  for (const base of given) namingContextOf(base, { namingContexts: [context] }, url);
  const dialect = { pageSize, paged: root.paging, extendedNames: root.extendedNames };
  return { source: { connection, dialect }, root, context, forest, bases: outermost(given) };
}

function assertOneForest(first: Controller, controllers: readonly Controller[]): void {
  const urlOf = ({ source }: Controller) => source.connection.session.server.url;
  const seen = new Map<string, Controller>();
  for (const controller of controllers) {
    if (authorityOf(controller.forest) !== authorityOf(first.forest)) {
      throw new DirectoryError(
        'DomainsDoNotFit',
        `${urlOf(controller)} belongs to the forest ${controller.forest}, ${urlOf(first)} to ${first.forest}.`,
      );
    }
    const same = seen.get(authorityOf(controller.context));
    if (same !== undefined) {
      throw new DirectoryError(
        'DomainsDoNotFit',
        `${urlOf(same)} and ${urlOf(controller)} both hold the domain ${controller.context}.`,
      );
    }
    seen.set(authorityOf(controller.context), controller);
  }
}

function placeOf({ source, context, bases }: Controller, domains: readonly Domain[]): Place {
  return {
    ...source,
    context,
    userBases: bases,
    groupBases: bases,
    // Groups may be nested across the whole domain.
    innerGroupBases: [context],
    accountName: (account, dn) => domainAccount(account, dn, domains),
  };
}

const withoutNetBIOSName = ({ context }: Controller): string =>
  `The NetBIOS name of ${context} cannot be read below CN=Partitions; domain accounts have its DNS name instead.`;

/** Tells the entries of domains that are not read. Members are many: where all are read, none needs to be looked at. */
function elsewhere(controllers: readonly Controller[], domains: readonly Domain[]): Directory['isElsewhere'] {
  const read = new Set(controllers.map(({ context }) => normalizeDN(context)));
  const isUnread = ({ context }: Domain) => !read.has(context);
  if (!domains.some(isUnread)) return undefined;
  return (dn) => {
    const domain = domainOf(dn, domains);
    return domain !== undefined && isUnread(domain);
  };
}
