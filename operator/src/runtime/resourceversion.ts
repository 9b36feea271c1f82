/**
 * Whether resource version `a` is older than `b`. Since KEP-5504 (Kubernetes 1.35) versions of one kind may be
 * compared as integers; etcd has always made them such. Others are opaque, and never older.
 */
export function isOlder(a: string, b: string): boolean {
  if (!INTEGER.test(a) || !INTEGER.test(b)) {
    return false;
  }
  return a.length === b.length ? a < b : a.length < b.length;
}

const INTEGER = /^[1-9]\d*$/;
