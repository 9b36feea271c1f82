import { expect, it } from 'vitest';
import { permissionsOf } from './permissions.ts';

const token = (claims: unknown) => `header.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;

it('reads the permissions of a token', () => {
  expect(permissionsOf(token({ roles: ['User.Read.All'] }))).toEqual(new Set(['User.Read.All']));
});

it.each(['', 'opaque', 'a.b.c', token(null), token({}), token({ roles: 'User.Read.All' })])(
  'does not guess: %s',
  (text) => {
    expect(permissionsOf(text)).toBeUndefined();
  },
);
