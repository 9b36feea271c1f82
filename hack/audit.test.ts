import { describe, expect, it } from 'vitest';
import { type AuditEvent, parseAudit, refusals, unusedGrants } from './audit.ts';

const event = (verb: string, resource: string, more: object = {}): AuditEvent => {
  const [name = '', subresource] = resource.split('/');
  const objectRef = { apiGroup: 'roster.dev', resource: name, ...(subresource && { subresource }) };
  return {
    verb,
    requestURI: `/apis/roster.dev/v1alpha1/${resource}?limit=1`,
    user: { username: 'x' },
    objectRef,
    ...more,
  };
};

const rules = [
  { apiGroups: ['roster.dev'], resources: ['users', 'groups'], verbs: ['get', 'list', 'link'] },
  { apiGroups: ['roster.dev'], resources: ['users/status'], verbs: ['update'] },
];

describe('an audit', () => {
  it('finds the verbs that nobody used, but for those that admission asks for', () => {
    const events = [event('get', 'users'), event('list', 'users'), event('list', 'groups')];
    expect(unusedGrants(rules, events)).toEqual(['get roster.dev/groups', 'update roster.dev/users/status']);
    expect(unusedGrants(rules, [...events, event('get', 'groups'), event('update', 'users/status')])).toEqual([]);
  });

  it('does not take an object for its status', () => {
    const events = [event('get', 'users'), event('list', 'users'), event('get', 'groups'), event('list', 'groups')];
    expect(unusedGrants(rules, [...events, event('update', 'users')])).toEqual(['update roster.dev/users/status']);
  });

  it('finds what was refused, each once', () => {
    const refused = event('delete', 'users', { responseStatus: { code: 403 } });
    expect(refusals([refused, refused, event('get', 'users', { responseStatus: { code: 404 } })])).toEqual([
      'delete /apis/roster.dev/v1alpha1/users',
    ]);
  });

  it('reads one event a line', () => {
    const events = [event('get', 'users'), event('list', 'groups')];
    expect(parseAudit(`${events.map((one) => JSON.stringify(one)).join('\n')}\n`)).toEqual(events);
  });
});
