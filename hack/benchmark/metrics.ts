/** What an operator tells about itself at /metrics. */
export class OperatorMetrics {
  readonly #url: string;
  #longestLag = 0;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/metrics`;
  }

  /** The longest delay of the event loop in any scrape since it was forgotten, seconds. */
  get longestLag(): number {
    return this.#longestLag;
  }

  forgetLag(): void {
    this.#longestLag = 0;
  }

  /** Sum of a metric over its series whose text contains `part`. */
  async sum(name: string, part = ''): Promise<number> {
    const text = await (await fetch(this.#url)).text();
    // Each scrape tells of the time since the one before.
    const lag = sum(text, 'nodejs_eventloop_lag_seconds', 'percentile="100"');
    this.#longestLag = Math.max(this.#longestLag, lag);
    return sum(text, name, part);
  }
}

function sum(text: string, name: string, part: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(part))
    .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
}
