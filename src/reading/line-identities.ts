const FIRST_CAPACITY = 1 << 12;
/** Above this share of used places, a probe takes long. */
const MAX_LOAD = 0.7;

/**
 * Remembers which lines were seen: `taskId` and `seq` make a line unique. Of each it keeps 64 bits of a hash, 12 to
 * 23 bytes with the free places, so that millions fit: of a million lines the chance that any two that differ are
 * taken for one is 3 in 100 million.
 */
export class LineIdentities {
  /** Open addressing, linear probing; the halves of a hash side by side, a lower half of 0 for a free place. */
  #places = new Uint32Array(2 * FIRST_CAPACITY);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns whether it is new. */
  add(taskId: string, seq: number): boolean {
    const [low, high] = hash(taskId, seq);
    if (!this.#put(low, high)) return false;
    this.#count += 1;
    if (this.#count > (this.#places.length / 2) * MAX_LOAD) this.#grow();
    return true;
  }

  /** Whether it was added. */
  has(taskId: string, seq: number): boolean {
    const [low, high] = hash(taskId, seq);
    return this.#places[this.#placeOf(low, high)] === low;
  }

  #put(low: number, high: number): boolean {
    const places = this.#places;
    const at = this.#placeOf(low, high);
    if (places[at] === low) return false;
    places[at] = low;
    places[at + 1] = high;
    return true;
  }

  /** Where it stands, or the free place where it would. The lower half of a hash is never 0. */
  #placeOf(low: number, high: number): number {
    const places = this.#places;
    const mask = places.length / 2 - 1;
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const held = places[2 * place];
      if (held === 0 || (held === low && places[2 * place + 1] === high)) return 2 * place;
    }
  }

  #grow(): void {
    const old = this.#places;
    this.#places = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at] ?? 0;
      const high = old[at + 1] ?? 0;
      if (low !== 0) this.#put(low, high);
    }
  }
}

/** Two rounds of 32-bit multiply and rotate over the text (as cyrb53 does it), mixed as MurmurHash3 ends. */
function hash(taskId: string, seq: number): [low: number, high: number] {
  let a = 0xdead_beef ^ seq;
  let b = 0x41c6_ce57 ^ Math.imul(seq, 0x9e37_79b1);
  for (let at = 0; at < taskId.length; at += 1) {
    const unit = taskId.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x9e37_79b1);
    b = Math.imul(b ^ unit, 0x5f35_6495);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85eb_ca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2_ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85eb_ca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2_ae35);
  // 0 marks a free place.
  return [a >>> 0 || 1, b >>> 0];
}
