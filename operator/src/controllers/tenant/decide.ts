import { createHash } from 'node:crypto';
import { isPersonKind, judgeVanishing, type MirroredKind, type RowKey, type Vanishing } from '../../mirror/index.ts';
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
  /** The Tenant's default organization, which nobody can delete; absent when there is no Tenant. */
  readonly defaultOrganization: string | undefined;
  /** The user who owns the tenant, whom nobody can delete either. */
  readonly owner: string | undefined;
  /** How many rows of these kinds the database has, vanished ones included. */
  readonly live: (kinds: readonly MirroredKind[]) => number;
  /** Number of people. */
  readonly buriedLastSevenDays: number;
}

export type VanishedVerdict =
  | {
      readonly hold: false;
      /** By an administrator, so that it does not count against the guard. */
      readonly confirmed: boolean;
    }
  | { readonly hold: true; readonly token: string; readonly message: string };

interface Class {
  readonly kinds: readonly MirroredKind[];
  readonly noun: readonly [one: string, many: string];
  /** Judged instead when the class as a whole has nothing against it: only half of these are too many. */
  readonly parts?: readonly Class[];
}

/** What is judged apart, as the end of a CRD ends one kind: few of all rows, and yet the rights of everybody. */
const classes: readonly Class[] = [
  {
    kinds: ['User', 'Recipient'],
    noun: ['person', 'people'],
    parts: [
      { kinds: ['User'], noun: ['user', 'users'] },
      { kinds: ['Recipient'], noun: ['recipient', 'recipients'] },
    ],
  },
  { kinds: ['Group'], noun: ['group', 'groups'] },
  { kinds: ['AppRole'], noun: ['role', 'roles'] },
  { kinds: ['Organization'], noun: ['organization', 'organizations'] },
];

/** Whether rows without a resource may go. All of them stay when one class has to. */
export function judge(facts: VanishedFacts): VanishedVerdict {
  if (facts.vanished.length === 0) return { hold: false, confirmed: false };
  const token = tokenOf(facts.vanished);
  if (!facts.tenantExists) {
    const message = `The Tenant is gone, so ${describe(facts.vanished)} stay in the database. Create the Tenant again.`;
    return { hold: true, token, message };
  }
  if (facts.confirmed === token) return { hold: false, confirmed: true };
  const objections = [...lostProtected(facts), ...classes.flatMap((one) => judgeClass(one, facts))];
  if (objections.length === 0) return { hold: false, confirmed: false };
  return {
    hold: true,
    token,
    message:
      `${objections.join(' ')} All that vanished stays in the database. Restore the resources; if they are to go, ` +
      `confirm it: kubectl annotate -n ${facts.namespace} tenants.roster.dev tenant ${confirmVanished}=${token} --overwrite`,
  };
}

/** Policies refuse their deletion, and yet one of anything may go as far as numbers tell. */
function lostProtected({ vanished, defaultOrganization, owner }: VanishedFacts): string[] {
  return vanished.flatMap(({ kind, name }) => {
    if (kind === 'Organization' && name === defaultOrganization) {
      return [`The default organization ${name} vanished, which cannot be deleted.`];
    }
    if (kind === 'User' && name === owner) return [`The owner ${name} vanished, who cannot be deleted.`];
    return [];
  });
}

function judgeClass(one: Class, facts: VanishedFacts): string[] {
  const { buriedLastSevenDays } = facts;
  const whole = judgeKinds(one, facts, one.kinds.every(isPersonKind) ? { buriedLastSevenDays } : {});
  if (whole.length > 0) return whole;
  return (one.parts ?? []).flatMap((part) => judgeKinds(part, facts, { share: 0.5 }));
}

function judgeKinds(
  { kinds, noun }: Class,
  { vanished, live }: VanishedFacts,
  how: Pick<Vanishing, 'buriedLastSevenDays' | 'share'>,
): string[] {
  const count = vanished.filter(({ kind }) => kinds.includes(kind)).length;
  if (count === 0) return [];
  const { hold, sentence } = judgeVanishing({ noun, live: live(kinds), vanished: count, ...how });
  return hold ? [sentence] : [];
}

export function heldCondition(verdict: VanishedVerdict): Stated {
  return verdict.hold
    ? { type: 'MirrorHeld', status: 'True', reason: 'ResourcesVanished', message: verdict.message }
    : { type: 'MirrorHeld', status: 'False', reason: 'InStep', message: 'The database follows the resources.' };
}

/** Stated only while it is so: nobody shall take a trial for the real thing. */
export const trialCondition: Stated = {
  type: 'TrialDatabase',
  status: 'True',
  reason: 'EmbeddedDatabase',
  message:
    'The database is inside the operator, for a trial: for one process only, without a backup, and a power failure may ' +
    'damage it. Move to PostgreSQL before people rely on it: --database, or database.urlSecret in the chart.',
};

function describe(vanished: readonly RowKey[]): string {
  const counts = Map.groupBy(vanished, ({ kind }) => kind);
  return [...counts].map(([kind, rows]) => `${rows.length} ${kind}${rows.length === 1 ? '' : 's'}`).join(', ');
}

/** Names exactly this set, so that a confirmation never covers somebody who vanished later. */
function tokenOf(vanished: readonly RowKey[]): string {
  const names = vanished.map(({ kind, name }) => `${kind}/${name}`).sort();
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 12);
}
