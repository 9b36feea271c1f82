/**
 * The application permissions that an access token carries, or undefined when it does not tell. Tokens for Graph are
 * its own business (https://learn.microsoft.com/entra/identity-platform/access-tokens), so this is only asked where
 * Graph itself does not say what it keeps back, and not to know means not to have.
 */
export function permissionsOf(token: string): ReadonlySet<string> | undefined {
  const [, payload = ''] = token.split('.');
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const roles = (claims as { readonly roles?: unknown } | null)?.roles;
    return Array.isArray(roles) ? new Set(roles.map(String)) : undefined;
  } catch {
    return undefined;
  }
}
