import type { Reason } from '../../errors.ts';
import type { GroupRecord, PersonRecord, RejectedRecord } from '../record.ts';
import type { Note, PersonKind } from './types.ts';

type Action = Note['action'];

/** Collects what there is to say beside the actions. */
export class Notes {
  readonly all: Note[] = [];
  readonly #people: PersonKind;

  /** `people` is what the people of the directory become. */
  constructor(people: PersonKind) {
    this.#people = people;
  }

  /** About a record; `name` is the object that it concerns. */
  record(
    action: Exclude<Action, 'Keep'>,
    record: PersonRecord | GroupRecord,
    reason: Reason,
    message: string,
    name?: string,
  ) {
    this.all.push({
      action,
      kind: record.kind === 'Person' ? this.#people : 'Group',
      reason,
      message,
      record,
      externalId: record.externalId,
      ...(name === undefined ? {} : { name }),
    });
  }

  /** What the reader could not use. */
  unreadable(record: RejectedRecord) {
    this.all.push({
      action: 'Reject',
      kind: record.of === 'Person' ? this.#people : 'Group',
      reason: record.reason,
      message: record.message,
      record,
      ...(record.externalId === undefined ? {} : { externalId: record.externalId }),
    });
  }

  /** An object that the read has no record of. */
  object(
    action: 'Keep' | 'Warn',
    kind: PersonKind | 'Group',
    identity: { readonly name: string; readonly externalId: string },
    reason: Reason,
    message: string,
  ) {
    this.all.push({ action, kind, reason, message, ...identity });
  }

  /** A group that the settings of the directory name. */
  setting(group: string, reason: Reason, message: string) {
    this.all.push({ action: 'Warn', kind: 'Group', reason, message, externalId: group });
  }

  count(action: Action, about: 'People' | 'Groups'): number {
    let count = 0;
    for (const note of this.all) {
      if (note.action === action && (note.kind === 'Group') === (about === 'Groups')) count += 1;
    }
    return count;
  }
}
