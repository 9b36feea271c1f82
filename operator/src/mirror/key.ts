import type { MirroredKind, RowKey } from './rows.ts';

/** A row's key as one string, `namespace/Kind/name`: names of objects hold no slash. */
export type KeyText = string;

export function keyText({ namespace, kind, name }: RowKey): KeyText {
  return `${namespace}/${kind}/${name}`;
}

export function parseKey(text: KeyText): RowKey {
  const [namespace = '', kind, name = ''] = text.split('/');
  return { namespace, kind: kind as MirroredKind, name };
}
