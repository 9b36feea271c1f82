/** What an operator tells about itself at /metrics. */
export class OperatorMetrics {
  readonly #url: string;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/metrics`;
  }

  /** Sum of a metric over its series whose text contains `part`. */
  async sum(name: string, part = ''): Promise<number> {
    const text = await (await fetch(this.#url)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) && line.includes(part))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  }
}
