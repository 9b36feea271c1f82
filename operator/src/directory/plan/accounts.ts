import { canonicalAccount } from '@roster/crds';
import { type Candidate, inForce } from './candidate.ts';
import type { Notes } from './notes.ts';
import { paced, type Steps } from './steps.ts';
import type { Tenant } from './tenant.ts';

interface AccountBid {
  readonly candidate: Candidate;
  readonly wants: string;
}

/**
 * Decides who may have which domain account. An account that somebody else has, declares or wants is left out of the
 * block with a warning: the person can do without it. So who wants another account gives the present one up in any case,
 * but for those whose change needs approval.
 */
export function* settleAccounts(accepted: readonly Candidate[], tenant: Tenant, notes: Notes): Steps<void> {
  const bids: AccountBid[] = [];
  /** How many accepted entries of the directory have, or would bring into force, an account. */
  const entries = new Map<string, number>();
  const mention = (account: string) => entries.set(account, (entries.get(account) ?? 0) + 1);
  yield* paced(accepted, (candidate) => {
    const { person, record, domainAccount } = candidate;
    const mentioned = record.domainAccount === undefined ? undefined : canonicalAccount(record.domainAccount);
    if (mentioned !== undefined) mention(mentioned);
    const said = domainAccount === undefined ? undefined : canonicalAccount(domainAccount);
    const wants = person === undefined ? said : inForce(candidate, person).account;
    if (wants === person?.account) return;
    const mayStay = candidate.restriction !== undefined || candidate.succession !== undefined;
    if (person !== undefined) person.leavesAccount = !mayStay;
    // A declared account that comes into force is not the directory's to leave out.
    if (wants === undefined || wants === person?.declaredAccount) return;
    if (wants !== mentioned) mention(wants);
    bids.push({ candidate, wants });
  });
  yield* paced(bids, ({ candidate, wants }) => {
    const { person, record } = candidate;
    const holder = tenant.byAccount
      .get(wants)
      .filter(({ declaredAccount, leavesAccount }) => declaredAccount === wants || !leavesAccount)
      .map(({ kind, object }) => `${kind.toLowerCase()} ${object.metadata.name}`)
      .sort()[0];
    if (holder === undefined && entries.get(wants) === 1) return;
    const whose = holder === undefined ? 'several entries of the directory have it' : `it belongs to the ${holder}`;
    const name = person?.object.metadata.name ?? candidate.name;
    const message = `The domain account ${candidate.domainAccount} is left out, because ${whose}.`;
    notes.record('Warn', record, 'DomainAccountNotUnique', message, name);
    candidate.domainAccount = undefined;
  });
}
