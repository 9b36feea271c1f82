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

  /** An object whose entry is gone. */
  missing(kind: PersonKind | 'Group', name: string, externalId: string) {
    const reason: Reason = 'NoLongerFound';
    const message = `The directory no longer has the entry of the ${kind.toLowerCase()} ${name}, which is kept.`;
    this.all.push({ action: 'Keep', kind, reason, message, externalId, name });
  }

  count(action: Action, about: 'People' | 'Groups'): number {
    let count = 0;
    for (const note of this.all) {
      if (note.action === action && (note.kind === 'Group') === (about === 'Groups')) count += 1;
    }
    return count;
  }
}
