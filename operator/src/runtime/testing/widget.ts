import type { Condition, Resource, ResourceType } from '@roster/crds';

export interface WidgetSpec {
  readonly size?: number;
  readonly note?: string;
}

export interface WidgetStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly note?: string;
}

/** A kind that means nothing, for tests. */
export type Widget = Resource<WidgetSpec, WidgetStatus>;

export const WIDGET: ResourceType<Widget> = {
  group: 'test.roster.dev',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

export function widgetPath(namespace: string, name: string): string {
  return `/apis/test.roster.dev/v1/namespaces/${namespace}/widgets/${name}`;
}

export function widget(namespace: string, name: string, rest: Partial<Widget> = {}): Widget {
  return { spec: {}, ...rest, metadata: { ...rest.metadata, namespace, name } };
}
