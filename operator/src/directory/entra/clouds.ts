import { AzureAuthorityHosts } from '@azure/identity';

/** Addresses of a cloud, without a slash at the end. */
export interface CloudEndpoints {
  /** Where tokens are issued. */
  readonly login: string;
  /** Microsoft Graph, without the version. */
  readonly graph: string;
}

/** The national clouds: https://learn.microsoft.com/graph/deployments */
export const clouds = {
  Global: { login: AzureAuthorityHosts.AzurePublicCloud, graph: 'https://graph.microsoft.com' },
  USGovernment: { login: AzureAuthorityHosts.AzureGovernment, graph: 'https://graph.microsoft.us' },
  China: { login: AzureAuthorityHosts.AzureChina, graph: 'https://microsoftgraph.chinacloudapi.cn' },
} as const satisfies Readonly<Record<string, CloudEndpoints>>;
