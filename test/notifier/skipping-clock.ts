import { FakeClock } from '../support/fake-clock.ts';

/** A clock of which every sleep is over at once. */
export class SkippingClock extends FakeClock {
  readonly slept: number[] = [];

  override sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.advance(ms);
    return Promise.resolve();
  }
}
