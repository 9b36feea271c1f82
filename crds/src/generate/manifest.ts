/** An object to apply, whatever its kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** Marks what belongs to Roster as a whole: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
export const labels = { 'app.kubernetes.io/part-of': 'roster' } as const;
