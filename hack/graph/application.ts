import type { KeyObject } from 'node:crypto';

/** Application permissions of Microsoft Graph: https://learn.microsoft.com/graph/permissions-reference. */
export type Permission =
  | 'Application.Read.All'
  | 'Directory.Read.All'
  | 'Group.Read.All'
  | 'GroupMember.Read.All'
  | 'Member.Read.Hidden'
  | 'Organization.Read.All'
  | 'User.Read.All';

/** An app registration with its enterprise application: https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals. */
export interface Application {
  /** Application (client) id. */
  readonly clientID: string;
  /** Object id of the enterprise application. */
  readonly servicePrincipalID: string;
  readonly displayName: string;
  secrets: readonly ClientSecret[];
  /** PEM, of RSA keys. */
  certificates: readonly string[];
  federatedCredentials: readonly FederatedCredential[];
  /** Granted with the consent of an administrator; they count for tokens issued from then on. */
  permissions: readonly Permission[];
}

export interface ClientSecret {
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Whose tokens are believed: https://learn.microsoft.com/entra/workload-id/workload-identity-federation. */
export interface FederatedCredential {
  readonly issuer: string;
  readonly subject: string;
  /** api://AzureADTokenExchange unless somebody wants another. */
  readonly audience: string;
  /** Of the issuer, RSA; the real one fetches it from the issuer. */
  readonly key: KeyObject;
}
