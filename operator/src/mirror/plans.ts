/** A run as the database keeps it beside its lines. */
export interface RunRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly directory: string;
  readonly startedAt: Date;
  readonly dryRun: boolean;
}

/** One thing that a plan says about one record of a directory. */
export interface SyncLine {
  readonly action: string;
  readonly kind: string;
  /** The object concerned. */
  readonly name?: string | undefined;
  /** The record: its DN or another label. */
  readonly record: string;
  readonly externalId?: string | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  /** Anything else, as JSON. */
  readonly details?: unknown;
}

/** The whole plan of each run, line by line; a run's status holds only samples of it. */
export interface Plans {
  /**
   * Stores the lines of a run, in place of those that an interrupted attempt left. A plan without lines writes
   * nothing at all. Returns how many there were.
   */
  store(run: RunRecord, lines: Iterable<SyncLine> | AsyncIterable<SyncLine>): Promise<number>;
  /** Notes how a run ended, if it has lines. */
  finish(
    run: Pick<RunRecord, 'namespace' | 'name' | 'uid'>,
    end: { readonly phase: string; readonly finishedAt: Date },
  ): Promise<void>;
  /** Deletes runs that started before; their number. */
  purge(startedBefore: Date): Promise<number>;
}
