interface Entry<T> {
  readonly item: T;
  readonly dueAt: number;
}

/** A binary min-heap of items by the time they are due. An item may be in it more than once. */
export class DelayHeap<T> {
  readonly #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  peek(): Entry<T> | undefined {
    return this.#entries[0];
  }

  push(item: T, dueAt: number): void {
    const entries = this.#entries;
    let index = entries.length;
    const entry = { item, dueAt };
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = entries[parentIndex] as Entry<T>;
      if (parent.dueAt <= dueAt) {
        break;
      }
      entries[index] = parent;
      index = parentIndex;
    }
    entries[index] = entry;
  }

  pop(): Entry<T> | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last !== undefined && entries.length > 0) {
      this.#siftDown(last);
    }
    return first;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  #siftDown(entry: Entry<T>): void {
    const entries = this.#entries;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      const left = entries[childIndex];
      if (left === undefined) {
        break;
      }
      const right = entries[childIndex + 1];
      let child = left;
      if (right !== undefined && right.dueAt < left.dueAt) {
        child = right;
        childIndex++;
      }
      if (entry.dueAt <= child.dueAt) {
        break;
      }
      entries[index] = child;
      index = childIndex;
    }
    entries[index] = entry;
  }
}
