/** Calls that are under way at one time when something is done about all rooms. */
const AT_ONCE = 200

/** Does `visit` for all, so many at a time. */
export async function inSlices<T, R>(items: Iterable<T>, visit: (item: T) => Promise<R>): Promise<R[]> {
  const all = [...items]
  const results: R[] = []
  for (let i = 0; i < all.length; i += AT_ONCE) {
    results.push(...(await Promise.all(all.slice(i, i + AT_ONCE).map(visit))))
  }
  return results
}
