/** Milliseconds: what the first pause may be at most, and any. */
const BASE = 500
const CAP = 15_000

/** Exponential, with full jitter taken after the cap, so that those who lost their line together do not come back together. */
export function pauseBefore(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(CAP, BASE * 2 ** attempt)
}
