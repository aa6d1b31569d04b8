const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/

/** Of `keys`, those that are of rooms, beside the rooms `uuids`. */
export function roomKeysBeside(uuids: readonly string[], keys: readonly string[]): string[] {
  return keys.filter((key) => {
    const uuid = UUID.exec(key)?.[0]
    return uuid !== undefined && !uuids.includes(uuid)
  })
}
