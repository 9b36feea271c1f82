/** What an account did, as the audit log of the API server tells, beside what its roles allow. */
import type { PolicyRule } from '@roster/crds/manifests';

/** What is read of an event: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly name?: string;
    readonly namespace?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/** One event a line. */
export function parseAudit(text: string): AuditEvent[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent);
}

/** Verbs that no request has: admission asks for them while another request is judged. */
const askedByAdmission = new Set(['link', 'bootstrap', 'bind']);

/** Verbs of the rules that no event used, as `verb group/resource`, sorted. */
export function unusedGrants(rules: readonly PolicyRule[], events: readonly AuditEvent[]): string[] {
  const used = new Set(
    events.flatMap(({ verb, objectRef }) => (objectRef ? [`${verb} ${resourceOf(objectRef)}`] : [])),
  );
  const granted = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => [verb, `${group}/${resource}`] as const)),
    ),
  );
  return granted
    .filter(([verb]) => !askedByAdmission.has(verb))
    .map(([verb, resource]) => `${verb} ${resource}`)
    .filter((grant) => !used.has(grant))
    .sort();
}

/** Requests that were refused for want of a right, each once. */
export function refusals(events: readonly AuditEvent[]): string[] {
  const refused = events.filter(({ responseStatus }) => responseStatus?.code === 403);
  return [...new Set(refused.map(({ verb, requestURI }) => `${verb} ${requestURI.split('?')[0]}`))].sort();
}

function resourceOf({ apiGroup = '', resource = '', subresource }: NonNullable<AuditEvent['objectRef']>): string {
  return `${apiGroup}/${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}
