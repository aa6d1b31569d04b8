/** Compares digests in a time that tells nothing of where they differ. Never true for the empty string. */
export function isSameSecret(given: string, kept: string): boolean {
  let difference = given.length ^ kept.length
  for (let i = 0; i < given.length; i++) difference |= given.charCodeAt(i) ^ (kept.charCodeAt(i) || 0)
  return difference === 0 && given.length > 0
}
