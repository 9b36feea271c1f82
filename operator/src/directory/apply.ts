import {
  canonicalAddress,
  type Group,
  type GroupSource,
  type PersonSource,
  type Recipient,
  type User,
} from '@roster/crds';
import { type Reason, RosterError } from '../errors.ts';
import type {
  CreateRecipient,
  CreateUser,
  GroupAction,
  ObjectRef,
  PersonAction,
  PersonKind,
  PlanLine,
} from './plan/index.ts';

/** A claim on an address that a person who is to be created needs. */
export interface Want {
  readonly value: string;
  readonly kind: PersonKind;
  readonly name: string;
}

export interface Holder {
  readonly kind: string;
  readonly name: string;
}

/** Where a plan is carried out. Writes throw `WriteRefused` when this one record cannot be written; anything else ends the run. */
export interface Target {
  createGroup(name: string, spec: Group['spec']): Promise<void>;
  createUser(name: string, spec: User['spec']): Promise<void>;
  createRecipient(name: string, spec: Recipient['spec']): Promise<void>;
  /**
   * Replaces the block whole, unless the object is another one by now. `replaces` is the external id of the present block,
   * absent when there is none.
   */
  setSource(
    kind: PersonKind | 'Group',
    ref: ObjectRef,
    source: PersonSource | GroupSource,
    replaces: string | undefined,
  ): Promise<void>;
  /** Deletes the person, unless the object is another one by now, or its block is not this one any more. */
  deletePerson(kind: PersonKind, ref: ObjectRef, source: PersonSource): Promise<void>;
  /** Takes addresses for people who are about to be created; returns who holds those that are taken. */
  reserve(wants: readonly Want[]): Promise<ReadonlyMap<string, Holder>>;
}

/** The API server does not take this write; the sentence is the server's. */
export class WriteRefused extends Error {
  /** The operator may not do this, which need not be about the record. */
  readonly forbidden: boolean;

  constructor(message: string, { forbidden = false }: { readonly forbidden?: boolean } = {}) {
    super(message);
    this.forbidden = forbidden;
  }
}

export interface Applied {
  readonly written: number;
  /** What could not be written, with the reason; the next run tries again. */
  readonly failures: readonly PlanLine[];
}

export interface ApplyOptions {
  readonly signal: AbortSignal;
  /** Writes under way at a time. */
  readonly concurrency: number;
  /** Told after each write: how many are done, of how many. */
  readonly progress: (done: number, total: number) => void;
  /** Told of each group and person that was written. */
  readonly done?: (action: GroupAction | PersonAction) => void;
}

/** After so many writes in a row that are forbidden, a right is missing: to go on would only repeat it. */
const mostForbiddenInARow = 50;

/** So many addresses are claimed in one transaction. */
const reservationSize = 5_000;

/** What is executed of a plan, as the guard's verdict has it. */
export interface Executable {
  readonly groups: readonly GroupAction[];
  readonly people: readonly PersonAction[];
}

/**
 * Carries a plan out: groups first, since people name them, then people. One record that is refused does not stop the
 * others. Each write stands for itself: whatever happens in between, the next plan starts from what is there.
 * @throws RosterError WritesForbidden; whatever the target throws beside WriteRefused.
 */
export async function applyPlan(
  { groups, people }: Executable,
  target: Target,
  options: ApplyOptions,
): Promise<Applied> {
  const { signal, concurrency, progress } = options;
  const total = groups.length + people.length;
  const failures: PlanLine[] = [];
  let written = 0;
  let forbiddenInARow = 0;

  const refuse = (action: GroupAction | PersonAction, reason: Reason, message: string) => {
    failures.push(failure(action, reason, message));
    progress(written + failures.length, total);
  };
  const write = async (action: GroupAction | PersonAction, carryOut: () => Promise<void>) => {
    signal.throwIfAborted();
    try {
      await carryOut();
    } catch (error) {
      if (!(error instanceof WriteRefused)) throw error;
      if (error.forbidden && ++forbiddenInARow >= mostForbiddenInARow) throw writesForbidden(error);
      return refuse(action, 'WriteRefused', error.message);
    }
    forbiddenInARow = 0;
    written++;
    options.done?.(action);
    progress(written + failures.length, total);
  };

  await inParallel(groups, concurrency, (action) => write(action, () => writeGroup(target, action)));
  for (const chunk of chunks(people, reservationSize)) {
    signal.throwIfAborted();
    const taken = await reserveAddresses(target, chunk);
    await inParallel(chunk, concurrency, async (action) => {
      const holder = taken.get(action);
      if (holder === undefined) {
        await write(action, () => writePerson(target, action));
      } else refuse(action, 'EmailTaken', `The address belongs to ${holder.kind} ${holder.name}.`);
    });
  }
  return { written, failures };
}

async function writeGroup(target: Target, action: GroupAction): Promise<void> {
  if (action.action === 'Create') await target.createGroup(action.name, action.spec);
  else await target.setSource('Group', action.ref, action.source, action.source.externalId);
}

async function writePerson(target: Target, action: PersonAction): Promise<void> {
  if (action.action === 'Delete') await target.deletePerson(action.kind, action.ref, action.source);
  else if (action.action !== 'Create') await target.setSource(action.kind, action.ref, action.source, replaced(action));
  else if (action.kind === 'User') await target.createUser(action.name, action.spec);
  else await target.createRecipient(action.name, action.spec);
}

/** External id of the block that an action replaces. */
function replaced(action: Exclude<PersonAction, CreateUser | CreateRecipient>): string | undefined {
  if (action.action === 'Link') return undefined;
  return action.action === 'TakeOver' ? action.before.externalId : action.source.externalId;
}

/**
 * An address is claimed before its person is created, so that nobody is created who cannot have it. Who waits for an
 * address that its holder gives up in this plan needs no claim yet: the mirror hands it over.
 */
async function reserveAddresses(target: Target, actions: readonly PersonAction[]): Promise<Map<PersonAction, Holder>> {
  const creations = actions.filter(
    (action): action is CreateUser | CreateRecipient => action.action === 'Create' && action.awaits === undefined,
  );
  const wants = creations.map(({ kind, name, spec }) => ({ value: claimed(spec.source?.email), kind, name }));
  const holders = wants.length === 0 ? new Map<string, Holder>() : await target.reserve(wants);
  const taken = new Map<PersonAction, Holder>();
  creations.forEach((action, index) => {
    const holder = holders.get(wants[index]?.value ?? '');
    if (holder !== undefined && !(holder.kind === action.kind && holder.name === action.name))
      taken.set(action, holder);
  });
  return taken;
}

function claimed(email: string | undefined): string {
  const canonical = canonicalAddress(email ?? '');
  if (typeof canonical !== 'string') throw new Error('the plan creates a person without a valid address');
  return canonical;
}

function failure(action: GroupAction | PersonAction, reason: Reason, message: string): PlanLine {
  return {
    action: 'Fail',
    kind: action.kind,
    name: 'ref' in action ? action.ref.name : action.name,
    record: action.record.label,
    externalId: action.record.externalId,
    reason,
    message,
  };
}

function writesForbidden({ message }: WriteRefused): RosterError {
  const sentence = `${mostForbiddenInARow} writes in a row were forbidden, the last one so: ${message.replace(/\.$/, '')}.`;
  return new RosterError('WritesForbidden', sentence);
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

/** Works through the items with so many under way at a time; the first error ends it when those under way are done. */
async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const pending = items.values();
  let failed = false;
  const worker = async () => {
    for (const item of pending) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
