import { UserDirectory } from '@roster/crds';
import { Secrets } from '../../operator/src/controllers/secrets.ts';
import { prepareReader } from '../../operator/src/controllers/userdirectory/reader.ts';
import { readAll } from '../../operator/src/directory/reader.ts';
import type { ApiClient } from '../../operator/src/runtime/index.ts';
import type { LdapSearch } from '../directory/server.ts';
import { ldapsearchSeconds } from './ldapsearch.ts';

const rounds = 5;

/** Roster's reader beside `ldapsearch`: the medians of some rounds, in turns. */
export interface ReadingComparison {
  readonly readerSeconds: number;
  readonly ldapsearchSeconds: number;
  readonly ratio: number;
}

/** Reads what the UserDirectory says, as the operator does, which the client has to be. */
export async function compareReads(
  client: ApiClient,
  where: { readonly namespace: string; readonly name: string },
  search: LdapSearch,
): Promise<ReadingComparison> {
  const directory = await client.get(UserDirectory, where);
  const pageSize = (directory.spec.ldap ?? directory.spec.activeDirectory)?.pageSize ?? 500;
  const { signal } = new AbortController();
  const reader = await prepareReader(new Secrets(client), directory, signal, {
    of: () => {
      throw new Error('only LDAP has a ldapsearch to compare with');
    },
  });
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    theirs.push(await ldapsearchSeconds(search, pageSize));
    const start = performance.now();
    using opened = await reader.open(signal);
    const { evidence } = await readAll(opened);
    ours.push((performance.now() - start) / 1000);
    if (!evidence.complete) throw new Error(`the read is incomplete: ${evidence.doubts.join(' ')}`);
  }
  const [readerSeconds, ldapsearch] = [median(ours), median(theirs)];
  const ratio = rounded(readerSeconds / ldapsearch);
  return { readerSeconds: rounded(readerSeconds), ldapsearchSeconds: rounded(ldapsearch), ratio };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
