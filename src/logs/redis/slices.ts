/** Calls that are under way at one time when something is done about all rooms. */
const AT_ONCE = 200

/**
 * Does `visit` for all, so many at a time. One that rejects, as of a room on a server that is out of reach, costs the others
 * nothing: returns what the others came to.
 */
export async function inSlices<T, R>(items: Iterable<T>, visit: (item: T) => Promise<R>): Promise<R[]> {
  const all = [...items]
  const results: R[] = []
  for (let i = 0; i < all.length; i += AT_ONCE) {
    for (const outcome of await Promise.allSettled(all.slice(i, i + AT_ONCE).map(visit))) {
      if (outcome.status === 'fulfilled') results.push(outcome.value)
    }
  }
  return results
}
