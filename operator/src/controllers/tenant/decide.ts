import { createHash } from 'node:crypto';
import { isPersonKind, judgeVanishing, type RowKey } from '../../mirror/index.ts';
import type { Stated } from '../conditions.ts';

/** With this annotation on the Tenant an administrator confirms that what vanished is really gone. */
export const confirmVanished = 'roster.dev/confirm-vanished';

export interface VanishedFacts {
  readonly namespace: string;
  readonly vanished: readonly RowKey[];
  /** Whether the Tenant itself exists: without it nobody can say that the deletion is meant. */
  readonly tenantExists: boolean;
  /** Value of the annotation `roster.dev/confirm-vanished`. */
  readonly confirmed: string | undefined;
  /** People in the database, vanished ones included. */
  readonly people: number;
  readonly buriedLastSevenDays: number;
}

export type VanishedVerdict =
  | {
      readonly hold: false;
      /** By an administrator, so that it does not count against the guard. */
      readonly confirmed: boolean;
    }
  | { readonly hold: true; readonly token: string; readonly message: string };

/** Whether rows without a resource may go. Groups, roles and organizations follow the people they vanished with. */
export function judge(facts: VanishedFacts): VanishedVerdict {
  if (facts.vanished.length === 0) return { hold: false, confirmed: false };
  const token = tokenOf(facts.vanished);
  const people = facts.vanished.filter(({ kind }) => isPersonKind(kind)).length;
  if (!facts.tenantExists) {
    const message = `The Tenant is gone, so ${describe(facts.vanished)} stay in the database. Create the Tenant again.`;
    return { hold: true, token, message };
  }
  if (facts.confirmed === token) return { hold: false, confirmed: true };
  const judgement = judgeVanishing({
    live: facts.people,
    vanished: people,
    buriedLastSevenDays: facts.buriedLastSevenDays,
  });
  if (!judgement.hold) return { hold: false, confirmed: false };
  return {
    hold: true,
    token,
    message:
      `${judgement.sentence} They keep what they have in the database. Restore the resources; if they are to go, ` +
      `confirm it: kubectl annotate -n ${facts.namespace} tenants.roster.dev tenant ${confirmVanished}=${token} --overwrite`,
  };
}

export function heldCondition(verdict: VanishedVerdict): Stated {
  return verdict.hold
    ? { type: 'MirrorHeld', status: 'True', reason: 'PeopleVanished', message: verdict.message }
    : { type: 'MirrorHeld', status: 'False', reason: 'InStep', message: 'The database follows the resources.' };
}

function describe(vanished: readonly RowKey[]): string {
  const counts = Map.groupBy(vanished, ({ kind }) => kind);
  return [...counts].map(([kind, rows]) => `${rows.length} ${kind}${rows.length === 1 ? '' : 's'}`).join(', ');
}

/** Names exactly this set, so that a confirmation never covers somebody who vanished later. */
function tokenOf(vanished: readonly RowKey[]): string {
  const names = vanished.map(({ kind, name }) => `${kind}/${name}`).sort();
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 12);
}
