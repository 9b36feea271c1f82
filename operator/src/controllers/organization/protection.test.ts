import { expect, it } from 'vitest';
import { protection } from './protection.ts';

const expected = (reason: string, message: string) => ({ type: 'DeletionProtected', status: 'True', reason, message });

it('protects the default organization, with or without people', () => {
  const sentence = expected('DefaultOrganization', 'it is the default organization of the tenant');
  expect(protection({ isDefault: true, people: 0 })).toEqual(sentence);
  expect(protection({ isDefault: true, people: 5 })).toEqual(sentence);
});

it('protects organizations that have people', () => {
  expect(protection({ isDefault: false, people: 1 })).toEqual(
    expected('HasPeople', 'people belong to it; move or delete them first'),
  );
});

it('does not protect an empty one', () => {
  expect(protection({ isDefault: false, people: 0 })).toBeUndefined();
});
