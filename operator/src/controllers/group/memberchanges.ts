import type { Person } from '@roster/crds';
import type { InformerEvent, Request } from '../../runtime/index.ts';
import { allUsersGroup } from '../tenant/builtin.ts';

/** A count is written when the members were left alone for so long ... */
const quietMs = 5_000;
/** ... and at the latest after so long. */
const patienceMs = 300_000;

/**
 * Tells when the members of a group have settled. A first sync changes the members of each group a hundred times;
 * writing each count would cost as much as the people themselves.
 */
export class MemberChanges {
  readonly #unsettled = new Map<string, { readonly first: number; last: number }>();

  /** Remembers a change; returns when to look, in milliseconds. */
  note(request: Request, now: Date): number {
    const key = `${request.namespace}/${request.name}`;
    const entry = this.#unsettled.get(key);
    if (entry === undefined) this.#unsettled.set(key, { first: now.getTime(), last: now.getTime() });
    else entry.last = now.getTime();
    return quietMs;
  }

  /** Milliseconds to wait until the members have settled; 0 when they have, which also forgets the changes. */
  settlesIn(request: Request, now: Date): number {
    const key = `${request.namespace}/${request.name}`;
    const entry = this.#unsettled.get(key);
    if (entry === undefined) return 0;
    const remaining = Math.min(entry.last + quietMs, entry.first + patienceMs) - now.getTime();
    if (remaining > 0) return remaining;
    this.#unsettled.delete(key);
    return 0;
  }

  /** The group is gone. */
  forget({ namespace, name }: Request): void {
    this.#unsettled.delete(`${namespace}/${name}`);
  }
}

/** Groups whose members an event may have changed. At the start nothing is told: each group counts its own then. */
export function affectedGroups(event: InformerEvent<Person>): Request[] {
  if (event.type === 'added' && event.initial) return [];
  if (event.type === 'updated' && event.object.metadata.generation === event.old.metadata.generation) return [];
  const before = event.type === 'updated' ? event.old : event.type === 'deleted' ? event.object : undefined;
  const now = event.type === 'deleted' ? undefined : event.object;
  const names = [...groupsOf(now).symmetricDifference(groupsOf(before))];
  if (organizationsOf(now).symmetricDifference(organizationsOf(before)).size > 0) names.push(allUsersGroup);
  return names.map((name) => ({ namespace: event.object.metadata.namespace ?? '', name }));
}

const groupsOf = (person: Person | undefined): Set<string> =>
  new Set([...(person?.spec.groups ?? []), ...(person?.spec.source?.groups ?? [])]);

const organizationsOf = (person: Person | undefined): Set<string> =>
  new Set(
    [...(person?.spec.organizations ?? []), ...(person?.spec.source?.organizations ?? [])].map(({ name }) => name),
  );
