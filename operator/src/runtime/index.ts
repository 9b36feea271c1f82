/** Roster's small controller-runtime: what the rest of the operator may use of it. See docs/development/runtime.md. */

export {
  ApiError,
  isAlreadyExists,
  isAmbiguous,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  TransportError,
} from './apierror.ts';
export { type Cache, type Indexer, Store } from './cache.ts';
export {
  ApiClient,
  type ApiClientOptions,
  type ApplyOptions,
  apiVersionOf,
  type CallOptions,
  type DeleteOptions,
  type JsonPatchOperation,
  type ListOptions,
  type ObjectList,
  type WriteOptions,
} from './client.ts';
export {
  type ConditionChange,
  findCondition,
  removeCondition,
  setCondition,
} from './conditions.ts';
export {
  Controller,
  type ControllerOptions,
  type EventMapper,
  eachState,
  itself,
  type Reconcile,
  type Request,
  requestFor,
} from './controller.ts';
export { watchEventLoop } from './eventloop.ts';
export { EventRecorder, type EventRecorderOptions, type EventType } from './events.ts';
export { type Check, type Checks, HealthServer, type HealthServerOptions } from './healthserver.ts';
export {
  Informer,
  type InformerEvent,
  type InformerHandler,
  type InformerOptions,
  type InformerState,
} from './informer.ts';
export { jsonEqual } from './jsonequal.ts';
export {
  type LeaderElectionOptions,
  LeaderElector,
  LeadershipLostError,
} from './leader.ts';
export { type Logger, silentLogger } from './logger.ts';
export { Manager, type ManagerOptions, type Runnable, StopTimeoutError } from './manager.ts';
export { RuntimeMetrics } from './metrics.ts';
export { NAMESPACE, NamespaceScope } from './namespacescope.ts';
export { done, ReconcileTimeoutError, type Result, requeueAfter, StalledError, WaitingError } from './outcome.ts';
export {
  annotationsChanged,
  anyOf,
  generationChanged,
  type Predicate,
} from './predicates.ts';
export { keyOf, type ObjectKey, resourceName } from './requestpath.ts';
export { isOlder } from './resourceversion.ts';
export { patchStatus } from './status.ts';
